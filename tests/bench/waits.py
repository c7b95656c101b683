"""`python -m tests.bench.waits`: how true the waits are that people are told before they are queued.

Several owners ask at random moments for requests of very different length, so that the queue grows and shrinks. For
each, the wait that is promised at that moment is held against the one that came: until a worker has it. First with the
drawer, a worker of which we know that a step takes what it takes; then with the real worker and the pocket model on one
thread. Everything is seeded; the real one also measures what else runs on the machine.
"""

import argparse
import asyncio
import os
import random
import statistics
import time
from dataclasses import dataclass, field, replace

from engine.cost import SpeedBook
from engine.domain import Job, Outcome, Progress, Recipe, Sampler, Waiting
from engine.engine import Engine, EngineSettings
from tests.fakes import drawer

OWNERS = ("ada", "bob", "cem", "dan", "eve")
_TOO_SHORT_S = 0.05  # a wait that is not one; it would make any share of it


@dataclass(slots=True)
class Waits:
    """Pairs of promised and real waits in seconds, and how many were promised nothing."""

    pairs: list[tuple[float, float]] = field(default_factory=list)
    n_unknown: int = 0


@dataclass(frozen=True, slots=True, kw_only=True)
class Load:
    """So many requests of these steps, `n_at_once` of them at a time, with pauses of `pause_s` on the average."""

    recipe: Recipe
    steps: tuple[int, ...]
    n_requests: int
    pause_s: float


def recipe(model: str, side_px: int) -> Recipe:
    """What everybody asks for, but for the steps."""
    return Recipe(
        prompt="a red circle",
        model=model,
        seed=7,
        steps=20,
        guidance=5.0,
        sampler=Sampler.DDIM,
        width_px=side_px,
        height_px=side_px,
    )


async def measure(engine: Engine, load: Load, seed: int) -> Waits:
    """Play the load, and wait for its end."""
    waits, chance = Waits(), random.Random(seed)
    async with asyncio.TaskGroup() as tasks:
        for number in range(load.n_requests):
            owner = chance.choices(OWNERS, (8, 4, 2, 1, 1))[0]
            asked = replace(load.recipe, steps=chance.choice(load.steps), guidance=chance.choice((1.0, 5.0, 5.0)))
            n_pictures = chance.choice((1, 1, 2, 4))
            promised_s = engine.wait_for_newcomer_s(owner, asked, n_pictures)
            job = Job(id=f"{seed}-{number}", owner=owner, recipe=asked, n_pictures=n_pictures)
            await engine.submit(job)
            tasks.create_task(_note(engine, job.id, promised_s, waits))
            await asyncio.sleep(chance.expovariate(1 / load.pause_s))
    return waits


async def _note(engine: Engine, job_id: str, promised_s: float | None, waits: Waits) -> None:
    asked_at_s = time.monotonic()
    waited_s: float | None = None
    async for event in engine.watch(job_id):
        if waited_s is None and not isinstance(event, Waiting):
            waited_s = time.monotonic() - asked_at_s
        assert isinstance(event, Waiting | Progress | Outcome) or waited_s is not None
    assert waited_s is not None
    if promised_s is None:
        waits.n_unknown += 1
    else:
        waits.pairs.append((promised_s, waited_s))


def line(what: str, waits: Waits) -> str:
    """A row of the table."""
    real = [(promised_s, waited_s) for promised_s, waited_s in waits.pairs if waited_s > _TOO_SHORT_S]
    errors_s = [abs(promised_s - waited_s) for promised_s, waited_s in real]
    shares = [abs(promised_s - waited_s) / waited_s for promised_s, waited_s in real]
    bias = sum(promised_s for promised_s, _ in real) / sum(waited_s for _, waited_s in real)
    wait_s = statistics.median(waited_s for _, waited_s in real)
    at_once = [promised_s for promised_s, waited_s in waits.pairs if waited_s <= _TOO_SHORT_S]
    false_alarms = sum(promised_s > 1.0 for promised_s in at_once)
    return (
        f"| {what} | {len(waits.pairs)} | {len(real)} | {wait_s:.2f} | {statistics.median(errors_s):.2f} | "
        f"{statistics.median(shares):.0%} | {bias:.2f} | {false_alarms} | {waits.n_unknown} |"
    )


async def run(what: str, settings: EngineSettings, load: Load, seed: int) -> SpeedBook:
    """Measure a load with a worker that has just started, and again with what was learned; print a line each."""
    book = SpeedBook()
    for round_, known in enumerate(("nothing learned", "learned")):
        engine = Engine(settings, SpeedBook(book.speeds()))  # as after a restart
        await engine.start()
        try:
            print(line(f"{what}, {known}", await measure(engine, load, seed + round_)), flush=True)
        finally:
            await engine.close()
        book = engine.speeds
    return book


async def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--requests", type=int, default=80)
    parser.add_argument("--real", action="store_true", help="also with the real worker on the pocket model")
    options = parser.parse_args()
    print("| worker | requests | that waited | median wait s | median error s | of the wait | sum of promised / real |")
    print("    | taken at once but promised over 1 s | promised nothing |")
    drawn = Load(recipe=recipe("gradient", 64), steps=(4, 8, 20), n_requests=options.requests, pause_s=0.1)
    command = (*drawer.COMMAND, "--step-s", "0.05")
    one = EngineSettings(worker_command=command, first_window_rows=16)
    await run("drawer, 1 worker", one, drawn, options.seed)
    two = replace(one, devices=("cpu", "cpu"))
    await run("drawer, 2 workers", two, replace(drawn, pause_s=0.05), options.seed)
    if options.real:
        os.environ["OMP_NUM_THREADS"] = "1"
        pocket = Load(recipe=recipe("pocket", 128), steps=(4, 8, 20), n_requests=options.requests, pause_s=0.25)
        await run("pocket on 1 thread", EngineSettings(devices=("cpu",), preload="pocket"), pocket, options.seed)


if __name__ == "__main__":
    asyncio.run(main())
