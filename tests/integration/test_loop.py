"""The worker's loop on a scripted pipe: who joins, leaves, fails and is told what."""

import threading
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch

from engine.domain import Job, Mode, Raster, Recipe, Sampler
from engine.errors import ModelError
from engine.messages import (
    Broke,
    Cancel,
    Drawn,
    Drew,
    Finished,
    Load,
    Loaded,
    LoadFailed,
    LoadingModel,
    Ticked,
    WasCancelled,
)
from engine.worker import download, models, vae
from engine.worker.denoise import Stepper
from engine.worker.device import choose
from engine.worker.drawing import Drawing
from engine.worker.loop import Loop
from engine.worker.models import Model, Shelf, load
from engine.worker.preview import Projector
from engine.worker.running import PREVIEWS_AT_LEAST
from tests.fakes import inline_worker

pytestmark = pytest.mark.torch
SIDE_PX = 64


@pytest.fixture
def job(model_folder: Callable[[str], str]) -> Job:
    """One small picture, ten steps."""
    recipe = Recipe(
        prompt="a house",
        model=model_folder("sd1"),
        seed=1,
        steps=10,
        guidance=4.0,
        sampler=Sampler.DDIM,
        width_px=SIDE_PX,
        height_px=SIDE_PX,
    )
    return Job(id="one", owner="ann", recipe=recipe)


def other(job: Job, job_id: str, **changes: Any) -> Job:
    """The same job under another id, with another recipe."""
    return replace(job, id=job_id, recipe=replace(job.recipe, **changes))


def test_progress_is_told_step_by_step_with_a_preview_at_once(job: Job) -> None:
    """Two pictures of ten steps count to twenty, and the first step already shows something."""
    wall = inline_worker.run(replace(job, n_pictures=2))
    steps = [report for tick in wall.ticks for report in tick.jobs]
    assert [report.step for report in steps] == list(range(2, 21, 2))
    assert {report.n_steps for report in steps} == {20}
    assert set(steps[0].previews) == {0, 1}
    assert (steps[0].previews[0].width_px, steps[0].previews[0].height_px) == (8, 8)
    assert isinstance(wall.results["one"], Drew)
    assert wall.results["one"].gpu_s > 0


def test_newcomers_join_the_running_batch_at_the_next_step(job: Job) -> None:
    """A job that arrives in the middle of another shares its very next forward pass."""
    wall = inline_worker.run(job, (4, other(job, "two", steps=5, sampler=Sampler.EULER_A, guidance=1.0)))
    assert [tick.rows for tick in wall.ticks] == [2] * 4 + [3] * 5 + [2]


def test_a_newcomer_steps_within_a_few_ticks_of_a_crowd(job: Job) -> None:
    """Two dozen jobs of one owner arrive first: another's is set up before theirs, and draws two ticks later."""
    greedy = [replace(other(job, f"g{n}", steps=15), owner="greedy") for n in range(24)]
    wall = inline_worker.run(*greedy[:10], *((3, each) for each in greedy[10:]), (3, replace(job, owner="new")))
    ticks = [tick for tick, ticked in enumerate(wall.ticks) if any(step.job_id == "one" for step in ticked.jobs)]
    assert ticks[0] <= 3 + 3
    assert ticks[-1] - ticks[0] <= 12  # its ten steps come one after the other


def test_a_cancelled_job_leaves_at_the_next_step(job: Job) -> None:
    """It is answered, draws nothing more, and its neighbour goes on."""
    wall = inline_worker.run(job, other(job, "two", seed=2), (3, Cancel(job_id="one")))
    assert wall.results["one"] == WasCancelled()
    assert isinstance(wall.results["two"], Drew)
    assert [tick.rows for tick in wall.ticks] == [2, 4, 4] + [2] * 8  # one job is let in per step


def test_cancelling_what_is_not_there_does_nothing(job: Job) -> None:
    """Unknown and finished ids are ignored."""
    wall = inline_worker.run((0, Cancel(job_id="stranger")), job)
    assert set(wall.results) == {"one"}


def test_a_job_whose_turn_never_came_is_told_so(job: Job) -> None:
    """A deadline that passes before the first step is not the person's fault; the neighbour is not touched."""
    wall = inline_worker.run(replace(job, deadline_s=1e-9), other(job, "two"))
    late = wall.results["one"]
    assert isinstance(late, Broke)
    assert "waited 1e-09 s for its model or its turn" in late.sentence
    assert isinstance(wall.results["two"], Drew)


def test_a_job_past_its_deadline_is_stopped_between_two_steps(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """The longest time allowed is named, with what to change."""
    Trip(monkeypatch, lambda drawings: time.sleep(0.3))
    late = inline_worker.run(replace(job, deadline_s=1.0)).results["one"]
    assert isinstance(late, Broke)
    assert "longer than 1 s," in late.sentence
    assert late.their_fault


def test_a_model_that_is_not_there_fails_its_own_job_only(job: Job, tmp_path: Path) -> None:
    """Unknown, empty and damaged models are a sentence each; the others are drawn."""
    empty = tmp_path / "empty"
    empty.mkdir()
    wall = inline_worker.run(other(job, "a", model="nonesuch"), other(job, "b", model=str(empty)), job)
    for job_id, words in {"a": "no model 'nonesuch'", "b": "no model_index.json"}.items():
        result = wall.results[job_id]
        assert isinstance(result, Broke)
        assert words in result.sentence
        assert result.their_fault
    assert isinstance(wall.results["one"], Drew)


def test_loading_is_told_while_it_goes_on(job: Job) -> None:
    """Fractions rise to 1, in words, and a model asked for ahead of time is answered."""
    wall = inline_worker.run((0, Load(model=job.recipe.model)), job)
    told = [message for message in wall.said if isinstance(message, LoadingModel)]
    assert [message.fraction for message in told] == sorted(message.fraction for message in told)
    assert told[-1].fraction == 1.0
    assert "reading the unet" in {message.doing for message in told}
    (loaded,) = (message for message in wall.said if isinstance(message, Loaded))
    assert (loaded.family, loaded.native_width_px) == ("stable-diffusion-1", SIDE_PX)


def test_loading_what_cannot_be_loaded_is_answered() -> None:
    """A preload of nonsense gets its sentence."""
    wall = inline_worker.run((0, Load(model="nonesuch")))
    (failed,) = wall.of(LoadFailed)
    assert isinstance(failed, LoadFailed)
    assert "no model 'nonesuch'" in failed.sentence


class Trip:
    """Makes `Stepper.step` raise for chosen calls before it changes anything."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, trips: Callable[[Sequence[Drawing]], Exception | None]) -> None:
        real = Stepper.step

        def step(stepper: Stepper, drawings: Sequence[Drawing], pad_to_rows: int | None) -> None:
            failure = trips(drawings)
            if failure is not None:
                raise failure
            real(stepper, drawings, pad_to_rows)

        monkeypatch.setattr(Stepper, "step", step)


def test_out_of_memory_splits_the_step_and_loses_nobody(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd that does not fit is drawn in halves, with the same pixels as before, and the cap stays below it."""
    jobs = [other(job, f"job{i}", seed=i, sampler=Sampler.EULER_A) for i in range(4)]
    wanted = inline_worker.run(*jobs).rasters
    Trip(monkeypatch, lambda drawings: torch.OutOfMemoryError("CUDA out of memory") if len(drawings) > 1 else None)
    wall = inline_worker.run(*jobs)
    assert all(isinstance(result, Drew) for result in wall.results.values())
    assert wall.ticks[-1].row_cap < 4
    for job_id, pictures in wall.rasters.items():
        gaps = np.frombuffer(pictures[0].rgb, np.uint8).astype(int) - np.frombuffer(wanted[job_id][0].rgb, np.uint8)
        assert np.abs(gaps).max() <= 2


def test_a_job_that_does_not_fit_alone_gets_a_sentence(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of memory with one picture ends that job, not the worker."""
    Trip(
        monkeypatch,
        lambda drawings: (
            torch.OutOfMemoryError("no") if any(drawing.recipe.seed == 1 for drawing in drawings) else None
        ),
    )
    wall = inline_worker.run(job, other(job, "two", seed=2))
    result = wall.results["one"]
    assert isinstance(result, Broke)
    assert "not enough memory" in result.sentence
    assert isinstance(wall.results["two"], Drew)


def test_one_picture_that_breaks_takes_its_own_job_along_and_no_other(
    job: Job, monkeypatch: pytest.MonkeyPatch
) -> None:
    """An unforeseen error in a shared step is narrowed down to the picture that causes it."""
    Trip(
        monkeypatch,
        lambda drawings: RuntimeError("boom") if any(drawing.recipe.seed == 51 for drawing in drawings) else None,
    )
    bad = replace(other(job, "bad", seed=50), n_pictures=3)
    wall = inline_worker.run(job, bad, other(job, "two", seed=2))
    assert isinstance(wall.results["bad"], Broke)
    assert "boom" not in wall.results["bad"].sentence
    assert isinstance(wall.results["one"], Drew)
    assert isinstance(wall.results["two"], Drew)


def test_numbers_that_are_no_picture_are_told(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """A half-precision overflow ends as a sentence, never as a black picture."""
    real = Stepper.step

    def overflow(stepper: Stepper, drawings: Sequence[Drawing], pad_to_rows: int | None) -> None:
        real(stepper, drawings, pad_to_rows)
        drawings[0].state = drawings[0].state * torch.inf

    monkeypatch.setattr(Stepper, "step", overflow)
    result = inline_worker.run(job).results["one"]
    assert isinstance(result, Broke)
    assert "no picture" in result.sentence


def test_a_finishing_picture_is_decoded_between_the_steps_of_the_others(job: Job) -> None:
    """While one picture is decoded layer by layer, its neighbour keeps stepping."""
    wall = inline_worker.run(other(job, "short", steps=2), other(job, "long", steps=30))
    said = [message for message in wall.said if isinstance(message, Ticked | Drawn)]
    where = next(i for i, message in enumerate(said) if isinstance(message, Drawn) and message.job_id == "short")
    assert 2 <= where < len(said) - 5


def test_decoding_in_layers_gives_the_bits_of_decoding_at_once(job: Job, model_folder: Callable[[str], str]) -> None:
    """The slices are the same operations in the same order."""
    model = _load(model_folder("sd1"))
    latents = torch.randn(1, 4, 8, 8, generator=torch.Generator().manual_seed(0))
    decoding = vae.Decoding(model, latents)
    n_slices = 0
    while not decoding.is_done:
        decoding.advance()
        n_slices += 1
    with torch.inference_mode():
        scaled = latents / model.pipeline.vae.config.scaling_factor
        whole = model.pipeline.image_processor.postprocess(model.pipeline.vae.decode(scaled, return_dict=False)[0])[0]
    raster = decoding.raster()
    assert raster is not None
    assert raster.rgb == whole.tobytes()
    assert n_slices > 10


def test_a_job_of_half_a_second_has_a_development_too(job: Job) -> None:
    """However fast it is drawn, its pictures are seen on the way, a dozen times."""
    wall = inline_worker.run(replace(job, recipe=replace(job.recipe, steps=24)))
    steps = [step for tick in wall.ticks for step in tick.jobs]
    assert sum(bool(step.previews) for step in steps) >= PREVIEWS_AT_LEAST


def test_memory_errors_in_words_count_like_the_typed_one(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where torch has no type for it (CPU, MPS), the words of the error lower the cap all the same."""
    jobs = [other(job, f"job{i}", seed=i, steps=20) for i in range(4)]
    trip = RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes.")
    Trip(monkeypatch, lambda drawings: trip if len(drawings) > 1 else None)
    wall = inline_worker.run(*jobs)
    assert all(isinstance(result, Drew) for result in wall.results.values())
    assert {tick.row_cap for tick in wall.ticks[3:]} == {2}


def test_an_error_while_reporting_ends_one_job_and_not_the_worker(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """A preview that cannot be made takes at most its own job along."""
    real = Projector.raster
    n_previews = 0

    def raster(projector: Projector, latents: torch.Tensor) -> Raster:
        nonlocal n_previews
        n_previews += 1
        if n_previews == 1:
            raise RuntimeError("CUDA error: out of memory")
        return real(projector, latents)

    monkeypatch.setattr(Projector, "raster", raster)
    wall = inline_worker.run(job, other(job, "two"))
    assert sorted(type(result).__name__ for result in wall.results.values()) == ["Broke", "Drew"]


def test_loading_a_model_is_on_nobodys_time(
    job: Job, model_folder: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """A slow load in the middle of somebody's picture does not run into that picture's deadline."""
    real = Shelf.put

    def slow(shelf: Shelf, *args: Any) -> Model:
        time.sleep(2.0)
        return real(shelf, *args)

    inline_worker.run(job)  # whatever is imported on first use does not count
    monkeypatch.setattr(Shelf, "put", slow)
    wall = inline_worker.run(replace(job, deadline_s=1.5), (3, other(job, "two", model=model_folder("sd2-v"))))
    assert {job_id: type(result) for job_id, result in wall.results.items()} == {"one": Drew, "two": Drew}


def test_a_model_that_does_not_fit_is_told_as_such(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of memory while loading blames the model, not the size of the picture."""

    def full(*args: object) -> Model:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(models, "load", full)
    result = inline_worker.run(job).results["one"]
    assert isinstance(result, Broke)
    assert "does not fit into the memory" in result.sentence
    assert not result.their_fault


def test_others_are_drawn_while_a_model_is_fetched_from_the_hub(
    job: Job, model_folder: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    """The network holds up nobody but those who wait for that model."""
    is_drawn = threading.Event()

    def fetch(hub_id: str, wants_half: bool, on_progress: Callable[[float, str], None]) -> Path:
        on_progress(0.3, "downloading")
        assert is_drawn.wait(60), "the other job was not drawn meanwhile"
        return Path(model_folder("sd2-v"))

    def finished(loop: Loop, job_id: str, result: Any) -> None:
        real(loop, job_id, result)
        if job_id == "one":
            is_drawn.set()

    real = Loop._finish
    monkeypatch.setattr(Loop, "_finish", finished)
    monkeypatch.setattr(download, "fetch", fetch)
    wall = inline_worker.run(other(job, "hub", model="somebody/model"), job)
    assert [message.job_id for message in wall.said if isinstance(message, Finished)] == ["one", "hub"]
    told = [each.fraction for each in wall.said if isinstance(each, LoadingModel) and each.model == "somebody/model"]
    assert told == sorted(told)  # reading goes on where downloading ended
    assert all(isinstance(result, Drew) for result in wall.results.values())


def test_a_hub_model_that_cannot_be_fetched_is_a_sentence(job: Job, monkeypatch: pytest.MonkeyPatch) -> None:
    """Out of reach is told once per ask, and asking again tries again."""
    n_tries = 0

    def fetch(hub_id: str, wants_half: bool, on_progress: Callable[[float, str], None]) -> Path:
        nonlocal n_tries
        n_tries += 1
        raise ModelError("the hub could not be reached")

    monkeypatch.setattr(download, "fetch", fetch)
    hub = other(job, "hub", model="somebody/model")
    wall = inline_worker.run(hub, job, (5, replace(hub, id="again")))
    for job_id in ("hub", "again"):
        result = wall.results[job_id]
        assert isinstance(result, Broke)
        assert result.sentence == "The model somebody/model cannot be used: the hub could not be reached."
    assert n_tries == 2


def test_a_model_loaded_ahead_stays_for_its_time(job: Job) -> None:
    """Idle time counts from the end of a load, not from before it."""
    wall = inline_worker.run((0, Load(model=job.recipe.model)), (10_000, job), idle_unload_s=3600)
    assert sum(isinstance(message, Loaded) for message in wall.said) == 1


def test_an_idle_worker_lets_go_of_its_models(job: Job) -> None:
    """After the time set without a job the model leaves, and the next job brings it back."""
    wall = inline_worker.run(job, (10_000, other(job, "two")), idle_unload_s=1e-9)
    n_loads = sum(isinstance(message, LoadingModel) and message.fraction == 1.0 for message in wall.said)
    assert n_loads == 2
    assert isinstance(wall.results["two"], Drew)


def test_exact_and_stable_jobs_share_the_device_with_fast_ones(job: Job) -> None:
    """Each mode gets its steps while the others run."""
    jobs = [replace(other(job, mode, mode=mode), owner=mode) for mode in Mode]
    wall = inline_worker.run(*jobs)
    assert all(isinstance(result, Drew) for result in wall.results.values())
    first_halves = [report.job_id for tick in wall.ticks[:15] for report in tick.jobs]
    assert set(first_halves) == {"fast", "stable", "exact"}


def _load(folder: str) -> Model:
    from engine import catalog

    return load(catalog.find(folder), Path(folder), choose("cpu"), lambda fraction, doing: None)
