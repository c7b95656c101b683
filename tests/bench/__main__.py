"""`make bench`: the engine against stock diffusers, in one run on this machine.

Both sides run in a process of their own with the same torch and threads; rounds alternate (ours, theirs, ours …), the
figures are medians, and the ratio is the median of the ratios round by round. The engine's side is timed from `submit`
to `Done` through the real pipe; the other side inside its own process. Nothing else should run meanwhile.
"""

import argparse
import asyncio
import contextlib
import json
import os
import platform
import statistics
import sys
import tempfile
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from engine import catalog
from engine.domain import Done, Job, Progress, Recipe, Sampler
from engine.engine import Engine, EngineSettings
from tests.bench import models
from tests.fakes import drawer

N_REQUESTS = 16
N_STEPS = {"pocket": 20, "launch-bound": 20, "compute-bound": 5}  # the last so that a run takes minutes, not an hour
_MIXED_SHARES = (0.4, 0.6, 1.0, 1.5)  # of those steps
RESULTS = Path("out/bench.json")
_MIXED_SAMPLERS = (Sampler.DDIM, Sampler.EULER_A, Sampler.DPMPP_2M, Sampler.EULER, Sampler.UNIPC, Sampler.PLMS)


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table. `ratio`: ours in pictures a second over theirs; above 1 is faster."""

    model: str
    what: str
    ours_s: float
    theirs_s: float
    ratio: float
    spread: tuple[float, float]
    aim: str


class Baseline:
    """The other side of the pipe of `tests.bench.baseline`."""

    def __init__(self, process: asyncio.subprocess.Process) -> None:
        self._process = process

    @classmethod
    @contextlib.asynccontextmanager
    async def running(cls) -> AsyncIterator["Baseline"]:
        """Start it; end it with the block."""
        pipe = asyncio.subprocess.PIPE
        process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.bench.baseline", stdin=pipe, stdout=pipe
        )
        try:
            yield cls(process)
        finally:
            process.kill()
            await process.wait()

    async def seconds(self, model: str, calls: list[list[Recipe]]) -> float:
        """How long these pipeline calls took, one after the other."""
        assert self._process.stdin
        assert self._process.stdout
        request = {"model": model, "calls": msgspec.to_builtins(calls)}
        self._process.stdin.write(json.dumps(request).encode() + b"\n")
        return float(json.loads(await self._process.stdout.readline())["seconds"])


def recipes(model: str, n_steps: int, *, mixed: bool) -> list[Recipe]:
    """Sixteen requests: equal but for the seed, or mixed in prompt, steps, guidance and sampler."""
    entry = catalog.find(model)
    return [
        Recipe(
            prompt=("a red circle on a blue background", "a green star", "two yellow squares")[i % 3 if mixed else 0],
            model=model,
            seed=i,
            steps=round(n_steps * _MIXED_SHARES[i % 4]) if mixed else n_steps,
            guidance=(3.0, 5.0, 7.5)[i % 3] if mixed else 4.0,
            sampler=_MIXED_SAMPLERS[i % len(_MIXED_SAMPLERS)] if mixed else Sampler.DDIM,
            width_px=entry.width_px,
            height_px=entry.height_px,
        )
        for i in range(N_REQUESTS)
    ]


class Ours:
    """The engine, timed from outside."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._n_jobs = 0

    async def seconds(self, wanted: list[Recipe]) -> float:
        """From the first submit to the last Done; every request of another owner."""
        started = time.perf_counter()
        outcomes = await asyncio.gather(*[self._draw(recipe) for recipe in wanted])
        assert all(isinstance(outcome, Done) for outcome in outcomes), outcomes
        return time.perf_counter() - started

    async def seconds_to_first_preview(self, recipe: Recipe) -> float:
        """From submit until the first small picture is here."""
        job_id = await self._submit(recipe)
        started = time.perf_counter()
        found = 0.0
        async for event in self._engine.watch(job_id):
            if not found and isinstance(event, Progress) and event.previews:
                found = time.perf_counter() - started
        return found

    async def _draw(self, recipe: Recipe) -> object:
        return await self._engine.result(await self._submit(recipe))

    async def _submit(self, recipe: Recipe) -> str:
        self._n_jobs += 1
        job_id = f"bench-{self._n_jobs}"
        await self._engine.submit(Job(id=job_id, owner=job_id, recipe=recipe))
        return job_id


async def compare(
    model: str,
    what: str,
    aim: str,
    n_rounds: int,
    ours: Callable[[], Awaitable[float]],
    theirs: Callable[[], Awaitable[float]],
) -> Row:
    """Alternate the two sides; the first round warms up (kernels, row caps, caches) and is not counted."""
    pairs = [(await ours(), await theirs()) for _ in range(n_rounds + 1)][1:]
    ratios = sorted(their_s / our_s for our_s, their_s in pairs)
    row = Row(
        model=model,
        what=what,
        ours_s=statistics.median(our_s for our_s, _ in pairs),
        theirs_s=statistics.median(their_s for _, their_s in pairs),
        ratio=statistics.median(ratios),
        spread=(ratios[0], ratios[-1]),
        aim=aim,
    )
    print(f"  {model}: {what}: {row.ratio:.2f}x ({row.spread[0]:.2f} to {row.spread[1]:.2f})", file=sys.stderr)
    return row


async def time_model(model: str, source: str, ours: Ours, theirs: Baseline, n_rounds: int) -> tuple[list[Row], float]:
    """Every comparison on one model, and the median seconds to a first preview."""
    equal, mixed = (recipes(source, N_STEPS[model], mixed=is_mixed) for is_mixed in (False, True))
    await ours.seconds(equal + equal)  # lets the row cap settle
    rows = [
        await compare(
            model,
            "1 request alone, vs the pipeline",
            "≥ 0.97",
            n_rounds * 2,
            lambda: ours.seconds(equal[:1]),
            lambda: theirs.seconds(source, [equal[:1]]),
        ),
        await compare(
            model,
            "16 equal, vs one static batch",
            "≥ 0.85",
            n_rounds,
            lambda: ours.seconds(equal),
            lambda: theirs.seconds(source, [equal]),
        ),
        await compare(
            model,
            "16 equal, vs one at a time",
            "",
            n_rounds,
            lambda: ours.seconds(equal),
            lambda: theirs.seconds(source, [[recipe] for recipe in equal]),
        ),
        await compare(
            model,
            "16 mixed, vs one at a time",
            "",
            n_rounds,
            lambda: ours.seconds(mixed),
            lambda: theirs.seconds(source, [[recipe] for recipe in mixed]),
        ),
    ]
    previews = [await ours.seconds_to_first_preview(equal[i]) for i in range(5)]
    return rows, statistics.median(previews)


async def front_overhead_s(n_jobs: int = 200) -> float:
    """What the front adds to a request: through the real pipe to a drawer whose one step takes no time."""
    settings = EngineSettings(worker_command=(*drawer.COMMAND, "--step-s", "0"))
    engine = Engine(settings)
    await engine.start()
    try:
        ours = Ours(engine)
        recipe = Recipe(
            prompt="", model="gradient", seed=0, steps=1, guidance=1.0, sampler=Sampler.DDIM, width_px=64, height_px=64
        )
        await ours.seconds([recipe])
        return statistics.median([await ours.seconds([recipe]) for _ in range(n_jobs)])
    finally:
        await engine.close()


def machine(versions: dict[str, str], device: str) -> str:
    """Hardware and versions, for the head of the table."""
    cpu = next(
        (line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), platform.processor()
    )
    return f"{os.cpu_count()} cores of {cpu}, {device}, " + ", ".join(f"{k} {v}" for k, v in versions.items())


def _cpuinfo() -> list[str]:
    path = Path("/proc/cpuinfo")
    return path.read_text().splitlines() if path.exists() else []


def table(head: str, rows: list[Row], previews: dict[str, float], overhead_s: float) -> str:
    """The results as the README shows them."""
    lines = [head, "", "| model | what | ours | diffusers | ratio (min to max) | aim |", "|---|---|---|---|---|---|"]
    lines += [
        f"| {row.model} | {row.what} | {row.ours_s:.2f} s | {row.theirs_s:.2f} s "
        f"| **{row.ratio:.2f}** ({row.spread[0]:.2f} to {row.spread[1]:.2f}) | {row.aim} |"
        for row in rows
    ]
    lines += [
        f"| {model} | first preview after submit, idle | {seconds:.3f} s | | | |" for model, seconds in previews.items()
    ]
    lines += [f"| (none) | front and pipe per request | {overhead_s * 1e3:.1f} ms | | | |"]
    return "\n".join(lines)


async def bench(only: list[str], n_rounds: int) -> None:
    """Run everything, print the table, keep the figures."""
    engine = Engine(EngineSettings(idle_unload_s=0))
    rows: list[Row] = []
    previews: dict[str, float] = {}
    with tempfile.TemporaryDirectory() as folder:
        sources = models.make(Path(folder))
        await engine.start()
        try:
            async with Baseline.running() as theirs:
                for model in only or list(sources):
                    more, previews[model] = await time_model(model, sources[model], Ours(engine), theirs, n_rounds)
                    rows += more
            ready = engine.status().workers[0].ready
            assert ready
        finally:
            await engine.close()
    overhead_s = await front_overhead_s()
    head = machine(ready.versions, f"{ready.device} {ready.dtype}")
    print(table(head, rows, previews, overhead_s))
    figures: dict[str, Any] = {
        "machine": head,
        "rows": [msgspec.to_builtins(row) for row in rows],
        "first_preview_s": previews,
        "front_overhead_s": overhead_s,
    }
    await asyncio.to_thread(keep, figures)


def keep(figures: dict[str, Any]) -> None:
    """Write the figures where the next session finds them."""
    RESULTS.parent.mkdir(exist_ok=True)
    RESULTS.write_text(json.dumps(figures, indent=1), encoding="utf-8")


def main() -> None:
    """Read the options and run."""
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("models", nargs="*", choices=["pocket", "launch-bound", "compute-bound", []], metavar="model")
    parser.add_argument("--rounds", type=int, default=5, help="counted rounds per comparison (default 5)")
    options = parser.parse_args()
    asyncio.run(bench(options.models, options.rounds))


if __name__ == "__main__":
    main()
