"""Every n-th write fails below SQLite, and then: did people get a sentence, and did the bot come back by itself?

    python -m tests.campaigns.disk --points 500 --seed 1 [--first 1] [--side-by-side 2] [--keep FOLDER]

For each n a life whose n-th write to the data folder fails (no space left, an I/O error, or half of the bytes), alone,
with the seven after it, or with all of the next 0.4 s; writes are counted by a shim in C under everything
(`tests/fakes/shim/disk.c`). Up to the 300th a second life meets it on an old database, which is copied and migrated
first. A start may be refused with a sentence; a bot that runs must live on. Then a file system that is really full (a
small tmpfs; where none can be mounted, a limit to the size of files) and has room again.

The last line is the result; the status is 0 if nothing was lost or doubled and everything fits together, 2 where there
is no gcc to build the shim.
"""

import argparse
import asyncio
import os
import resource
import signal
import subprocess
import sys
import tempfile
import time
from collections import Counter
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import structlog

from storage.store import DATABASE_NAME, open_store
from tests.campaigns.ground import Ground, Record, say
from tests.campaigns.nursery import Being
from tests.fakes import disk
from tests.fakes.disk import Ailment, Trouble

LIFE_S = 20.0
OLD_WRITES = 300  # of copying and migrating a small database, and of what comes first after it
FULL_S = 3.0  # how long the file system is full
TMPFS_MIB = 24
_SPELLS = ((1, 0), (8, 0), (1, 400))  # calls that fail, and milliseconds in which all do
_WORDS = ("disk", "space", "cannot be written", "an error")  # of the sentences that people get


@dataclass(kw_only=True)
class Met:
    """What lives with an ill disk came to."""

    ends: Counter[str] = field(default_factory=Counter)
    n_sentences: int = 0
    record: Record = field(default_factory=Record)


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a campaign is to do."""

    numbers: range
    seed: int
    folder: Path
    side_by_side: int = 2


async def campaign(plan: Plan) -> Met:
    """A life for each number, and one on a full file system."""
    met, room, began_at = Met(), asyncio.Semaphore(plan.side_by_side), time.monotonic()

    async def one(n: int, age: str) -> None:
        async with room:
            ground = Ground(plan.folder / f"{age}-write-{n:03}", seed=f"{plan.seed} {n} {age}", fault_share=0.0)
            end = await _live_with(ground, n, is_old=age == "old")
        _add(met, ground, end)
        if not ground.record.tally.is_good or n % 25 == 0:
            tally = ground.record.tally
            say(
                f"[{time.monotonic() - began_at:5.0f} s] {age}, write {n}: {end}  {met.record.tally.line()}",
                *(f"\n    {each}" for each in tally.sentences()),
            )

    async with asyncio.TaskGroup() as group:
        for n in plan.numbers:
            group.create_task(one(n, "new"))
            if n <= OLD_WRITES:
                group.create_task(one(n, "old"))
    return met


def _add(met: Met, ground: Ground, end: str) -> None:
    met.ends[end] += 1
    met.record.add(ground.record)
    for server in ground.servers.values():
        for message in server.messages.values():
            met.n_sentences += any(word in message.text for word in _WORDS)


async def _live_with(ground: Ground, n: int, *, is_old: bool) -> str:
    """The life whose n-th write fails; what it came to."""
    luck = ground.luck
    n_calls, for_ms = luck.choice(_SPELLS)
    ailment = luck.choice(list(Ailment))
    trouble = Trouble(folder=ground.data_dir, first=n, n_calls=n_calls, for_ms=for_ms, ailment=ailment)
    await ground.open(n_old=1)
    if not is_old:
        async with open_store(ground.data_dir):
            pass  # it is of this version now
    try:
        being = ground.begin(trouble=trouble)
        has_ended = await ground.live(being, LIFE_S, until=lambda: _said(being, "healed"))
        if not has_ended:
            end = "lived on" if _said(being, "healed") else "was not reached"
            await ground.settle(being)
        else:
            end = "start refused"
            ground.record.n_points += 1
            await ground.bury(being, may_refuse=True)
            if _said(being, "ready") or not _said(being, "refused"):
                wrong = f"{ground.folder.name} ({trouble}): it ended by itself with status {being.status}"
                ground.record.tally.wrongs.append(wrong)
            await ground.settle()
    finally:
        await ground.close()
    return end


def _said(being: Being, word: str) -> bool:
    return any(line.startswith(word) for line in being.said())


# A file system that is really full


async def full(folder: Path, seed: int) -> tuple[Met, str]:
    """People ask while nothing can be written; then there is room again. Says how it was made full, too."""
    ground = Ground(folder / "full", seed=f"{seed} full", fault_share=0.0)
    await ground.open(n_old=1)
    mounted = await asyncio.to_thread(_mount, ground.data_dir)
    how = f"a tmpfs of {TMPFS_MIB} MiB" if mounted else "a limit to the size of files (no tmpfs can be mounted here)"
    met = Met()
    try:
        being = ground.begin()
        await ground.live(being, LIFE_S, until=lambda: _said(being, "ready"))
        await ground.live(being, 1.0)
        await asyncio.to_thread(_fill if mounted else _limit, ground, being)
        ended = await ground.live(being, FULL_S)
        await asyncio.to_thread(_empty if mounted else _allow, ground, being)
        if ended:
            ground.record.tally.wrongs.append(f"full: it ended by itself with status {being.status}")
        await ground.settle(None if ended else being)
    finally:
        if mounted:
            await asyncio.to_thread(_unmount, ground.data_dir)
        await ground.close()
    _add(met, ground, f"lived on after {FULL_S:g} s on a full disk")
    if not met.n_sentences:
        met.record.tally.wrongs.append("full: nobody was told that the disk is full")
    return met, how


def _mount(data_dir: Path) -> bool:
    """Put the folder onto a small file system of its own; False where that is not allowed."""
    kept = data_dir.with_name("kept")
    data_dir.rename(kept)
    data_dir.mkdir()
    options = ["-o", f"size={TMPFS_MIB}m,mode=700"]
    mounting = subprocess.run(
        ["mount", "-t", "tmpfs", *options, "tmpfs", data_dir], check=False, stderr=subprocess.DEVNULL
    )
    for file in kept.iterdir():
        (data_dir / file.name).write_bytes(file.read_bytes())
    return mounting.returncode == 0


def _unmount(data_dir: Path) -> None:
    subprocess.run(["umount", data_dir], check=False)


def _fill(ground: Ground, _: Being) -> None:
    with suppress(OSError), (ground.data_dir / "ballast").open("wb", buffering=0) as ballast:
        while True:
            ballast.write(bytes(4_096))


def _empty(ground: Ground, _: Being) -> None:
    (ground.data_dir / "ballast").unlink()


def _limit(ground: Ground, being: Being) -> None:
    """No file grows beyond what the log has now; Python ignores the signal that says so."""
    most = (ground.data_dir / f"{DATABASE_NAME}-wal").stat().st_size
    resource.prlimit(being.pid, resource.RLIMIT_FSIZE, (most, resource.RLIM_INFINITY))


def _allow(_: Ground, being: Being) -> None:
    with suppress(ProcessLookupError):
        resource.prlimit(being.pid, resource.RLIMIT_FSIZE, (resource.RLIM_INFINITY, resource.RLIM_INFINITY))


def main() -> int:
    """The campaign as a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--points", type=int, default=500, help="the last write to fail")
    parser.add_argument("--first", type=int, default=1, help="the first write to fail")
    parser.add_argument("--every", type=int, default=1, help="only every so many-th of them")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--side-by-side", type=int, default=2, help="bots at once")
    parser.add_argument("--no-full", action="store_true", help="without the file system that is full")
    parser.add_argument("--keep", type=Path, help="where the folders on which something went wrong are kept")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="darkroom-disk-", dir=options.keep))
    structlog.configure(logger_factory=structlog.WriteLoggerFactory((folder / "campaign.log").open("w")))
    shim = disk.build(folder)
    if shim is None:
        say("There is no gcc here, and the shim under SQLite is written in C: install gcc and try again.")
        return 2
    os.environ["LD_PRELOAD"] = str(shim)  # for the process that lives are forked from
    plan = Plan(
        numbers=range(options.first, options.points + 1, options.every),
        seed=options.seed,
        folder=folder,
        side_by_side=options.side_by_side,
    )
    met = asyncio.run(campaign(plan))
    if not options.no_full:
        after, how = asyncio.run(full(folder, options.seed))
        say(f"full: {how}; {after.record.tally.line()}", *(f"\n    {each}" for each in after.record.tally.sentences()))
        met.record.add(after.record)
        met.ends += after.ends
        met.n_sentences += after.n_sentences
    ends = "  ".join(f"{end} {n}" for end, n in sorted(met.ends.items()))
    say(f"{sum(met.ends.values())} lives with an ill disk: {ends}; {met.n_sentences} sentences about it")
    shim.unlink()
    if met.record.tally.is_good:
        (folder / "campaign.log").unlink()
    with suppress(OSError):
        folder.rmdir()
    say(met.record.tally.line())
    return 0 if met.record.tally.is_good else 1


if __name__ == "__main__":
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    sys.exit(main())
