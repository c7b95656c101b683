"""A process that stores requests and pictures until it is killed, and says what it was promised.

`python -m tests.fakes.writer <folder> <seed> <most bytes of a file, or -1>` prints one line for each thing that was
acknowledged: `asked <id>`, `finished <job>`, `ended <id>`, `deleted <id>`. A StorageError is a line too; it goes on.
"""

import asyncio
import random
import resource
import signal
import sys
from pathlib import Path

import structlog

from engine.errors import StorageError
from storage.records import State
from storage.store import Store, open_store
from tests.fakes import remembered

_MOST = 100_000


def _say(*words: str) -> None:
    print(*words, flush=True)


async def _live_one(store: Store, luck: random.Random, number: int) -> None:
    new = remembered.request(owner=f"web:{luck.randint(1, 3)}", words=f"words{number}")
    jobs = [
        remembered.job(new, each, what=remembered.recipe(f"prompt{number} number{each}", seed=number))
        for each in range(1, luck.randint(1, 3) + 1)
    ]
    await store.requests.add(new, jobs)
    _say("asked", new.id)
    for job in jobs:
        picture = await remembered.picture(store.pictures, job.ordinal, job.recipe, is_animated=True)
        await store.requests.finish_job(job.id, [picture], 1.5)
        _say("finished", job.id)
    await store.requests.end(new.id, State.DONE, "")
    _say("ended", new.id)
    if luck.random() < 0.2:
        hashes = await store.requests.delete(new.id)
        _say("deleted", new.id)
        await store.pictures.forget(hashes)
    if luck.random() < 0.1:
        await store.pictures.prune(2_000)


async def _live(data_dir: Path, seed: int) -> None:
    luck = random.Random(seed)
    async with open_store(data_dir) as store:
        _say("open")
        for number in range(_MOST):
            try:
                await _live_one(store, luck, number)
            except StorageError as exc:
                _say("refused", str(exc))
                await asyncio.sleep(0.005)


def main() -> None:
    """Live in the folder that the command line names."""
    structlog.configure(logger_factory=structlog.PrintLoggerFactory(sys.stderr))
    signal.signal(signal.SIGXFSZ, signal.SIG_IGN)  # then a write beyond the limit is an error like any other
    resource.setrlimit(resource.RLIMIT_FSIZE, (int(sys.argv[3]), resource.RLIM_INFINITY))
    asyncio.run(_live(Path(sys.argv[1]), int(sys.argv[2])))


if __name__ == "__main__":
    main()
