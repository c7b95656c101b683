"""`kill -9` at a thousand seeded points, and then: was anything lost that somebody had been told of, or shown twice?

    python -m tests.campaigns.crash --points 1000 --seed 1 [--real 50] [--updates 3000] [--side-by-side 2] [--keep DIR]

Real bot processes on real SQLite files with a worker that speaks the real protocol (the drawer without torch; `--real`
are points with the worker that draws). Chats that drop, repeat, refuse and stall live in this process and outlive the
bots. Each ground (a data folder) has about 25 points: first within the migration of an old database, then over the
phases of `tests/fakes/points.py`, where a chat had done what was asked and its reply was not read, and at any time. In
the end a last life finishes everything, and everything is compared. `--updates` are told by a fake Telegram to the real
adapter, which is killed meanwhile (`ingest.py`).

The last line is the result; the status is 0 if nothing was lost or doubled and everything fits together.
"""

import argparse
import asyncio
import multiprocessing
import shutil
import signal
import sys
import tempfile
import time
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from tests.campaigns import ingest
from tests.campaigns.audit import Tally
from tests.campaigns.ground import DRAWER, Ground, Record, say
from tests.campaigns.nursery import Being
from tests.fakes.points import Phase, Point, Target

POINTS_A_GROUND = 25
UPDATES_A_KILL = 50
LIFE_S = 5.0  # a life that does not come to its point by then is ended all the same
REAL_LIFE_S = 60.0  # torch takes some seconds to import
_DEEDS = 40  # after one of so many calls that a chat has done
_TRIES = 3
_MOST_DUDS = 3  # then something is wrong for good
_OLD = 2  # requests of an old database, for each chat
# How many moments a phase has while a few requests are made: a point is one of them, each as likely.
_SPREAD = {
    Phase.INGEST: 40,
    Phase.COMMIT: 120,
    Phase.ADMIT: 40,
    Phase.DRAW: 60,
    Phase.STORE: 200,
    Phase.DELIVER: 150,
    Phase.FINISH: 150,
    Phase.MIGRATE: 1_400,  # every ten operations of SQLite's machine
}
# A chat did it and the reply is lost with the bot; whenever; and, though it is no point, a life that is told to stop.
DEED, ANYTIME, STOP = "deed", "anytime", "stop"
_KINDS = (*(phase for phase in Phase if phase is not Phase.MIGRATE), DEED, ANYTIME, STOP)
_NEVER_A_WORKER = (Phase.INGEST, Phase.COMMIT, Phase.MIGRATE)  # there may be none, or it does not matter


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a campaign is to do."""

    n_points: int
    seed: int
    folder: Path
    worker: tuple[str, ...] | None = DRAWER
    life_s: float = LIFE_S
    side_by_side: int = 2


async def campaign(plan: Plan) -> Record:
    """Ground after ground until there are enough points."""
    record, numbers = Record(), iter(range(plan.n_points))
    left = plan.n_points
    grounds: list[tuple[int, int]] = []
    while left > 0:
        n_points = min(left, POINTS_A_GROUND)
        grounds.append((next(numbers), n_points))
        left -= n_points
    room = asyncio.Semaphore(plan.side_by_side)
    began_at = time.monotonic()

    async def one(number: int, n_points: int) -> None:
        async with room:
            found = await _on_a_ground(plan, number, n_points)
        record.add(found)
        say(
            f"[{time.monotonic() - began_at:5.0f} s] {record.n_points:4} points  {record.tally.line()}",
            *(f"\n    {each}" for each in found.tally.sentences()),
        )

    async with asyncio.TaskGroup() as group:
        for number, n_points in grounds:
            group.create_task(one(number, n_points))
    return record


async def _on_a_ground(plan: Plan, number: int, n_points: int) -> Record:
    ground = Ground(plan.folder / f"ground-{number:03}", seed=f"{plan.seed} {number}", worker=plan.worker)
    n_migrations = max(1, n_points // 8) if plan.worker else 0
    await ground.open(n_old=_OLD)
    try:
        for _ in range(n_migrations):
            await _strike(plan, ground, Phase.MIGRATE)
        kinds: list[str] = []
        while ground.record.n_points < n_points and ground.n_duds < _MOST_DUDS:
            if not kinds:
                kinds = list(_KINDS)
                ground.luck.shuffle(kinds)
            await _strike(plan, ground, kinds.pop())
        await ground.settle()
    finally:
        await ground.close()
    return ground.record


async def _strike(plan: Plan, ground: Ground, kind: str) -> None:
    """Lives that are cut off until one was where it was meant: a moment that does not come is sought earlier."""
    luck = ground.luck
    if kind == STOP:
        being = ground.begin()
        if await ground.live(being, luck.uniform(0.0, plan.life_s / 2)):
            await ground.bury(being, is_killed=True)
        else:
            await ground.stop(being)
        return
    if kind not in _SPREAD:
        await _cut_off(plan, ground, kind, None, luck.randint(1, _DEEDS))
        return
    phase, n = Phase(kind), luck.randint(1, _SPREAD[Phase(kind)])
    targets = [Target.BOT] * 7 + ([] if phase in _NEVER_A_WORKER else [Target.BOTH] * 2 + [Target.WORKER] * 2)
    target = luck.choice(targets)
    for _ in range(_TRIES):
        n_before = ground.record.phases[phase]
        await _cut_off(plan, ground, kind, Point(phase=phase, n=n, target=target), 0)
        if ground.record.phases[phase] > n_before:
            return
        n = max(1, n // 4)


async def _cut_off(plan: Plan, ground: Ground, kind: str, point: Point | None, n_deeds: int) -> None:
    """One life; after a worker's death it goes on for a while first."""
    luck = ground.luck
    being = ground.begin(point)
    if kind == DEED:
        _after_a_deed(ground, being, n_deeds)
    within_s = luck.uniform(0.0, plan.life_s / 2) if kind == ANYTIME else plan.life_s
    has_ended = await ground.live(being, within_s, until=lambda: point is not None and _was_struck(being, point))
    if not has_ended and point and _was_struck(being, point):
        has_ended = await ground.live(being, luck.uniform(0.1, 1.0))
    if not has_ended:
        being.send(signal.SIGKILL)
        await being.ended(plan.life_s)
        ground.struck(ANYTIME, "bot")
    elif kind == DEED:
        ground.struck(Phase.DELIVER, "bot: a chat has done it and nobody reads the reply")
    await ground.bury(being, is_killed=True)


def _was_struck(being: Being, point: Point) -> bool:
    return point.target is Target.WORKER and any(line.startswith("struck") for line in being.said())


def _after_a_deed(ground: Ground, being: Being, n: int) -> None:
    """Kill the bot when its chats have done so many things, before the reply to the last."""
    left = n

    def count() -> None:
        nonlocal left
        left -= 1
        if left == 0:
            being.send(signal.SIGKILL)

    for server in ground.servers.values():
        server.after_a_deed = count


def of_updates(n_updates: int, seed: int, folder: Path) -> Tally:
    """The same promises, of what the real Telegram adapter is told while it is killed."""
    n_kills = max(1, n_updates // UPDATES_A_KILL)
    plan = ingest.Plan(n_updates=n_updates, n_kills=n_kills, seed=seed, folder=folder)
    found = asyncio.run(ingest.campaign(plan))
    say(f"updates: {found.line()}, {n_kills} kills")
    if found.is_good:
        shutil.rmtree(folder)
    return Tally(
        acknowledged=found.deliveries,
        lost=found.lost,
        doubled=found.doubled,
        ambiguous=found.ambiguous,
        refused=found.refused,
        wrongs=found.wrongs,
        notes=found.notes,
    )


def report(record: Record) -> None:
    """What was done, in a few lines."""
    phases = "  ".join(f"{phase} {n}" for phase, n in sorted(record.phases.items()))
    say(f"{record.n_points} points in {record.n_lives} lives: {phases}")
    say(f"{len(record.struck)} different moments; {record.n_calls:,} calls, faults: {dict(record.faults)}")
    say(
        f"slowest start {record.slowest_ready_s:.1f} s, slowest stop {record.slowest_stop_s:.1f} s; "
        f"a dead bot's worker was gone within {record.longest_orphan_s:.2f} s, "
        f"its encoders within {record.longest_encoder_s:.2f} s; log at most {record.most_wal_bytes / 2**20:.1f} MiB"
    )
    say(
        f"starts refused because their worker was killed {record.n_refused_starts}, refused for good by a chat "
        f"{record.tally.refused}, second placeholders {record.tally.extra_placeholders}"
    )


def main() -> int:
    """The campaign as a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=1_000)
    parser.add_argument("--real", type=int, default=0, help="points with the real worker, on top")
    parser.add_argument("--updates", type=int, default=0, help="of Telegram, on top")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--side-by-side", type=int, default=2, help="bots at once")
    parser.add_argument("--keep", type=Path, help="where grounds on which something went wrong are kept")
    parser.add_argument("--moments", action="store_true", help="say where it struck")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="darkroom-crash-", dir=options.keep))
    record = Record()
    for worker, n_points, life_s in ((DRAWER, options.points, LIFE_S), (None, options.real, REAL_LIFE_S)):
        if n_points:
            plan = Plan(
                n_points=n_points,
                seed=options.seed,
                folder=folder / ("drawer" if worker else "real"),
                worker=worker,
                life_s=life_s,
                side_by_side=options.side_by_side,
            )
            record.add(asyncio.run(campaign(plan)))
    if options.updates:
        found = of_updates(options.updates, options.seed, folder / "updates")
        say(*(f"    {each}\n" for each in found.sentences()))
        record.tally.add(found)
    report(record)
    if options.moments:
        say(*(f"{n:4} {moment}\n" for moment, n in sorted(record.struck.items())))
    if record.tally.is_good:
        for each in (*folder.iterdir(), folder):
            with suppress(OSError):
                each.rmdir()
    else:
        say(f"what is left of it is in {folder}")
    say(record.tally.line())
    return 0 if record.tally.is_good else 1


if __name__ == "__main__":
    multiprocessing.set_start_method("forkserver")
    sys.exit(main())
