"""A seed → what came of its history; many of them in a process. Knows nothing of command lines."""

import gc
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

from tests.sim import chance, checks, script, world
from tests.sim.life import Life
from tests.sim.template import made


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a seed. `trace` is its history's hash; `counts` are requests by how their ends were told."""

    seed: int
    complaints: tuple[str, ...]
    trace: str
    virtual_s: float
    n_lives: int
    counts: tuple[tuple[str, int], ...] = ()


def simulate(seed: int, folder: Path, template: Path, *, is_loud: bool = False) -> Outcome:
    """Let one history happen."""
    drawn = script.drawn(seed)
    here = world.made(drawn, folder, template)
    here.is_loud = is_loud
    lives: list[Life] = []
    counts: tuple[tuple[str, int], ...] = ()
    with chance.seeded(seed, here):
        try:
            while not lives or not lives[-1].run():
                lives.append(Life(here))
            checks.in_the_end(here)
            counts = tuple(sorted(checks.counts(here).items()))
        except Exception as exc:
            here.complain(f"the history broke: {exc!r}")
            if is_loud:
                raise
        finally:
            here.is_over = True
            while lives:
                lives.pop().dispose()
            here.close()
            gc.collect()
    return Outcome(
        seed=seed,
        complaints=tuple(here.complaints),
        trace=here.trace_hash(),
        virtual_s=here.clock.now_s,
        n_lives=here.n_lives,
        counts=counts,
    )


def simulate_all(seeds: list[int]) -> list[Outcome]:
    """Several, in this process; its temporary files are in memory where the system has such a place."""
    memory = Path("/dev/shm")
    with tempfile.TemporaryDirectory(dir=memory if memory.is_dir() else None) as folder:
        template = made(Path(folder))
        outcomes = []
        gc.freeze()
        gc.disable()  # what an abandoned generator does when it is collected must not hang on when that is
        for seed in seeds:
            room = Path(folder) / f"{seed}"
            room.mkdir()
            outcomes.append(simulate(seed, room, template))
            shutil.rmtree(room)
        gc.enable()
        return outcomes
