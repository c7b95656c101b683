"""The desk on virtual time, history after history: `python -m tests.sim --seeds 10000`, `--seed 7 -v` to see one again.

A seed is a history: people ask, press and admin on three chats while chats, workers, power, disk and clock fail. What
must hold is in `checks.py`. The same seed gives the same history; each failure says how to see it again.
"""

import argparse
import gc
import os
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from tests.sim.running import Outcome, simulate, simulate_all
from tests.sim.template import made

_AT_ONCE = 20  # seeds that a process is given in one go
_HASH_SEED = "PYTHONHASHSEED"


def main() -> int:
    """Run what the command line asks for."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--seeds", type=int, default=1_000)
    options.add_argument("--first", type=int, default=0)
    options.add_argument("--seed", type=int, help="only this one")
    options.add_argument("-v", action="store_true", help="say what happens")
    options.add_argument("--processes", type=int, default=min(2, os.cpu_count() or 1))
    chosen = options.parse_args()
    if os.environ.get(_HASH_SEED) != "0":  # sets of words have an order, and it must be the same
        os.execve(sys.executable, [sys.executable, "-m", "tests.sim", *sys.argv[1:]], {**os.environ, _HASH_SEED: "0"})
    if chosen.seed is not None:
        return _one(chosen.seed, is_loud=chosen.v)
    return _many(range(chosen.first, chosen.first + chosen.seeds), chosen.processes)


def _one(seed: int, *, is_loud: bool) -> int:
    with tempfile.TemporaryDirectory() as folder:
        room = Path(folder) / "data"
        room.mkdir()
        gc.disable()
        outcome = simulate(seed, room, made(Path(folder)), is_loud=is_loud)
    _tell(outcome)
    print(f"seed={seed} trace={outcome.trace} lives={outcome.n_lives} simulated_s={outcome.virtual_s:.1f}")
    return 1 if outcome.complaints else 0


def _many(seeds: range, n_processes: int) -> int:
    began_s = time.perf_counter()
    n_failures, n_lives, virtual_s = 0, 0, 0.0
    counts: Counter[str] = Counter()
    for outcome in _outcomes(seeds, n_processes):
        virtual_s += outcome.virtual_s
        n_lives += outcome.n_lives
        counts.update(dict(outcome.counts))
        if outcome.complaints:
            n_failures += 1
            _tell(outcome)
    seconds = time.perf_counter() - began_s
    print(
        f"lives={n_lives} requests={counts['requests']} sent={counts['sent']} dead={counts['dead']} "
        f"ambiguous={counts['ambiguous']}"
    )
    print(
        f"seeds={len(seeds)} failures={n_failures} simulated_days={virtual_s / 86_400:.1f} seconds={seconds:.1f}",
        flush=True,
    )
    return 1 if n_failures else 0


def _outcomes(seeds: range, n_processes: int) -> Iterator[Outcome]:
    batches = [list(seeds[at : at + _AT_ONCE]) for at in range(0, len(seeds), _AT_ONCE)]
    if n_processes == 1:
        for batch in batches:
            yield from simulate_all(batch)
        return
    with ProcessPoolExecutor(n_processes, get_context("spawn")) as pool:
        for done in as_completed([pool.submit(simulate_all, batch) for batch in batches]):
            yield from done.result()


def _tell(outcome: Outcome) -> None:
    for complaint in outcome.complaints:
        print(f"seed {outcome.seed}: {complaint}")
    if outcome.complaints:
        print(f"    to see it again: python -m tests.sim --seed {outcome.seed} -v", flush=True)


if __name__ == "__main__":
    sys.exit(main())
