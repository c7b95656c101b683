"""The same seed, alone or in a crowd: how much neighbours change in fast mode, and that they change no stable one."""

import random
from collections.abc import Callable

import numpy as np
import pytest

from engine.domain import Job, Mode, Raster, Recipe, Sampler
from engine.messages import Drew
from tests.fakes import inline_worker

SIDE_PX = 64
N_JOBS = 8
# Another row count is another kernel and another rounding: in the picture at most the last bits of few values.
MAX_DIFFERENCE, MAX_SHARE = 2, 0.01


def crowd(model: str, mode: Mode, rng: random.Random) -> list[Job]:
    """Jobs of everything that may differ within one lane."""
    return [
        Job(
            id=f"job{i}",
            owner=rng.choice("abc"),
            n_pictures=rng.randint(1, 2),
            recipe=Recipe(
                prompt=rng.choice(["a red circle", "two green stars", "", "naïve 漢字 🤖"]),
                negative=rng.choice(["", "blue"]),
                model=model,
                seed=rng.randrange(2**32),
                steps=rng.randint(3, 12),
                guidance=rng.choice([1.0, 2.5, 7.5]),
                sampler=rng.choice(list(Sampler)),
                width_px=SIDE_PX,
                height_px=SIDE_PX,
                mode=mode,
            ),
        )
        for i in range(N_JOBS)
    ]


def draw(jobs: list[Job], arrivals: list[int]) -> dict[str, dict[int, Raster]]:
    """Draw jobs that arrive at these ticks."""
    wall = inline_worker.run(*zip(arrivals, jobs, strict=True))
    assert all(isinstance(result, Drew) for result in wall.results.values()), wall.results
    return wall.rasters


def difference(one: Raster, other: Raster) -> tuple[int, float]:
    """Largest difference of a value, and the share of values that differ."""
    gaps = np.abs(np.frombuffer(one.rgb, np.uint8).astype(int) - np.frombuffer(other.rgb, np.uint8))
    return int(gaps.max()), float((gaps > 0).mean())


@pytest.mark.torch
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("model", ["pocket", "sd1", "sd1-unset", "sd2-v"])
def test_a_crowd_hardly_changes_a_fast_picture(
    model: str, seed: int, model_folder: Callable[[str], str], record_property: Callable[[str, object], None]
) -> None:
    """In random crowds with random arrivals a picture differs from its lone run by rounding only; reported."""
    rng = random.Random(seed)
    jobs = crowd(model_folder(model), Mode.FAST, rng)
    together = draw(jobs, [rng.randrange(20) for _ in jobs])
    gaps = []
    for job in jobs:
        alone = draw([job], [0])[job.id]
        gaps += [difference(alone[index], raster) for index, raster in together[job.id].items()]
    worst, share = max(gap for gap, _ in gaps), max(share for _, share in gaps)
    record_property("largest_difference_of_255", worst)
    record_property("largest_share_of_values", share)
    n_same = sum(gap == 0 for gap, _ in gaps)
    print(
        f"{model}, crowd {seed}: {n_same} of {len(gaps)} pictures identical; worst value {worst}/255, share {share:.2%}"
    )
    assert worst <= MAX_DIFFERENCE
    assert share <= MAX_SHARE


@pytest.mark.torch
@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("model", ["pocket", "sd1", "sd1-unset", "sd2-v"])
def test_a_crowd_changes_no_bit_of_a_stable_picture(model: str, seed: int, model_folder: Callable[[str], str]) -> None:
    """Alone, in a crowd, in another order with other arrivals and so in other slots: the same bytes."""
    rng = random.Random(seed)
    jobs = crowd(model_folder(model), Mode.STABLE, rng)
    together = draw(jobs, [rng.randrange(20) for _ in jobs])
    shuffled = rng.sample(jobs, len(jobs))
    assert draw(shuffled, [rng.randrange(20) for _ in jobs]) == together
    for job in rng.sample(jobs, 3):
        assert draw([job], [0])[job.id] == together[job.id]
