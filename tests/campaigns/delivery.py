"""Ten thousand deliveries in bad weather, and then: was one lost, was one shown twice, did we speak in a pause?

    python -m tests.campaigns.delivery --platform telegram --n 10000 --seed 1 [--open 64] [--share 0.12] [--keep FOLDER]

The real adapter over real sockets, a real SQLite file and the real front with the drawer without torch, in a process of
its own that is told to stop, killed and begun anew now and then. The chat lives in this process and outlives it. A
share of its calls is dropped before it is read, done with the reply lost, reset, refused for a while (429) or for good
(403, 404), broken before or after it is done (5xx), kept waiting; events come twice, late, and again after a restart.
Gateways hang up, tokens grow old, messages and channels are deleted while a request is being made. In the end the
weather is fair, everything settles, and all that can be seen is counted.

The last line is the result; the status is 0 if nothing was lost, doubled or said in a pause, and everything fits
together.
"""

import argparse
import asyncio
import multiprocessing
import random
import shutil
import signal
import sqlite3
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import structlog

from storage.store import DATABASE_NAME, open_store
from tests.campaigns import audit, deliveries
from tests.campaigns.deliveries import Count, Ledger
from tests.campaigns.discord_stage import DiscordStage
from tests.campaigns.ground import say
from tests.campaigns.nursery import Being
from tests.campaigns.stages import Stage
from tests.campaigns.telegram_stage import TelegramStage
from tests.fakes import drawer

PACE = 0.1  # of the times that people wait: a campaign takes minutes, not hours
SHARE, REFUSALS = 0.12, 0.08  # of the calls that meet trouble; of those, that are refused for good
EVERY = 60  # requests, more or less: then something happens to all of them
READY_S, STOP_S, SETTLE_S = 60.0, 20.0, 120.0
QUARTER_OF_AN_HOUR_S = 15 * 60.0 + 30.0
WORKER = (*drawer.COMMAND, "--step-s", "0.005", "--row-cap", "64")
STAGES: dict[str, Callable[[str, float, float, float], Stage]] = {"discord": DiscordStage, "telegram": TelegramStage}
_STIR_S, _TELL_EVERY_S, _LOOK_EVERY_S = 0.02, 5.0, 0.3
_MOST_ROUNDS = 20  # of /collect, which shows a few at a time
_AGAIN = 5  # events that a new life hears once more
_UNLIMITED = "UPDATE settings SET value = 'inf' WHERE subject = 'tier:member'"
NEVER_ASKS = ("", "ask_after", "1000000")
_HAPPENS = {"time passes": 4, "hang up": 3, "stop": 1, "kill": 1}  # to everybody, how likely each


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a campaign is to do. `n_open`: requests at once."""

    platform: str
    n: int
    seed: int
    folder: Path
    n_open: int
    share: float = SHARE
    refusals: float = REFUSALS
    pace: float = PACE
    every: int = EVERY


@dataclass(kw_only=True)
class Lives:
    """The bot's lives, one after the other on one data folder."""

    folder: Path
    begin: Callable[[Path], Being]
    n: int = 0
    wrongs: list[str] = field(default_factory=list)

    async def next(self) -> Being:
        """A life that is ready. Raises: TimeoutError where it does not become so."""
        self.n += 1
        being = self.begin(self.folder / f"life-{self.n:03}.txt")
        end_at = time.monotonic() + READY_S
        while not any(line.startswith("ready") for line in being.said()):
            if await being.ended(_STIR_S) or time.monotonic() > end_at:
                raise TimeoutError(f"life {self.n} is not ready: {being.said()}, status {being.status}")
        return being

    async def end(self, being: Being, how: signal.Signals) -> None:
        """Told to stop, or killed."""
        being.send(how)
        if not await being.ended(STOP_S):
            self.wrongs.append(f"life {self.n} did not end within {STOP_S:g} s of {how.name}")
            being.send(signal.SIGKILL)
            await being.ended(STOP_S)
        elif how is signal.SIGTERM and being.status:
            self.wrongs.append(f"life {self.n} was told to stop and ended with status {being.status}: {being.said()}")
        await being.orphans_s(True, 5.0)


async def campaign(plan: Plan) -> Count:
    """Ask until there are enough, then settle and count."""
    data_dir = plan.folder / "data"
    stage: Stage = STAGES[plan.platform](str(plan.seed), plan.share, plan.refusals, plan.pace)
    await stage.open()
    ahead: Any = multiprocessing.get_context("forkserver").Value("d", 0.0)

    def begin(report: Path) -> Being:
        return stage.begin(data_dir, report, WORKER, ahead)

    await prepare(data_dir, [*stage.settings(), NEVER_ASKS])
    lives = Lives(folder=plan.folder, begin=begin)
    try:
        ledger = Ledger(data_dir)
        being = await _ask_all(plan, stage, ledger, lives, ahead)
        stage.clear_up()
        await settle(stage, ledger, being, data_dir)
        found = await asyncio.to_thread(deliveries.count, data_dir, stage)
        found.wrongs += await _collect(stage, ledger, being, data_dir)
        await lives.end(being, signal.SIGTERM)
    finally:
        await stage.close()
    found.wrongs += lives.wrongs
    return found


async def _ask_all(plan: Plan, stage: Stage, ledger: Ledger, lives: Lives, ahead: Any) -> Being:
    """Until enough requests were taken; the life that is left."""
    luck, began_at = random.Random(f"{plan.seed} campaign"), time.monotonic()
    being, told_at, looked_at = await lives.next(), began_at, began_at
    happens_at = plan.every
    happened: dict[str, int] = dict.fromkeys(_HAPPENS, 0)
    while len(ledger.request_of) < plan.n:
        await stage.stir(plan.n_open, ledger)
        if await being.ended(_STIR_S):
            lives.wrongs.append(f"life {lives.n} ended by itself with status {being.status}: {being.said()}")
            stage.buried()
            being = await lives.next()
        now = time.monotonic()
        if now - looked_at > _LOOK_EVERY_S:
            looked_at = now
            await asyncio.to_thread(ledger.read)
        if now - told_at > _TELL_EVERY_S:
            told_at = now
            _tell(now - began_at, len(ledger.request_of), stage, happened, lives)
        if stage.tallies.n_asked >= happens_at:
            happens_at += luck.randrange(plan.every // 2, plan.every * 3 // 2)
            what = luck.choices(list(_HAPPENS), list(_HAPPENS.values()))[0]
            happened[what] += 1
            being = await _happen(what, stage, lives, being, ahead)
    _tell(time.monotonic() - began_at, len(ledger.request_of), stage, happened, lives)
    return being


async def _happen(what: str, stage: Stage, lives: Lives, being: Being, ahead: Any) -> Being:
    if what == "time passes":
        stage.pass_time(QUARTER_OF_AN_HOUR_S)
        ahead.value += QUARTER_OF_AN_HOUR_S
        return being
    if what == "hang up":
        await stage.hang_up()
        return being
    await lives.end(being, signal.SIGTERM if what == "stop" else signal.SIGKILL)
    stage.buried()
    being = await lives.next()
    stage.tell_again(_AGAIN)
    return being


def _tell(seconds: float, taken: int, stage: Stage, happened: dict[str, int], lives: Lives) -> None:
    tallies = stage.tallies
    events = ", ".join(f"{what} {n}" for what, n in happened.items())
    say(
        f"[{seconds:5.0f} s] {tallies.n_asked} asked, {taken} taken ({taken / seconds:.1f}/s), "
        f"{tallies.n_calls} calls, "
        f"{tallies.faults.total()} faults; {events}; lives {lives.n}; offences {len(stage.offences)}"
    )


async def settle(stage: Stage, ledger: Ledger, being: Being, data_dir: Path, within_s: float = SETTLE_S) -> None:
    """Wait until all that was asked is taken, made and told, or the life ends."""
    end_at = time.monotonic() + within_s
    while time.monotonic() < end_at:
        await stage.stir(0, ledger)
        if stage.is_heard_out() and await asyncio.to_thread(audit.is_settled, data_dir):
            return
        if await being.ended(0.2):
            return


async def _collect(stage: Stage, ledger: Ledger, being: Being, data_dir: Path) -> list[str]:
    """Whoever missed something asks for it in fair weather; what they still do not see."""
    await asyncio.to_thread(ledger.read)
    missed = dict(ledger.given_up)
    for _ in range(_MOST_ROUNDS):
        if not ledger.given_up:
            break
        await stage.collect(ledger.given_up.values())
        await asyncio.sleep(1.0)
        await settle(stage, ledger, being, data_dir)
        await asyncio.to_thread(ledger.read)
    say(f"{len(missed)} were not told or not surely; /collect showed {len(missed) - len(ledger.given_up)} of them")
    return [f"{request} is not shown by /collect" for request in missed if not stage.ends_of(request)]


async def prepare(data_dir: Path, rows: list[tuple[str, str, str]]) -> None:
    """A database in which these are let in, and may ask as often as they like."""
    async with open_store(data_dir):
        pass
    with sqlite3.connect(data_dir / DATABASE_NAME) as connection:
        connection.execute(_UNLIMITED)
        connection.executemany("INSERT OR REPLACE INTO settings (subject, key, value) VALUES (?, ?, ?)", rows)
    connection.close()


def main() -> int:
    """The campaign as a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--platform", choices=tuple(STAGES), default="discord")
    parser.add_argument("--n", type=int, default=10_000, help="requests whose end is to be shown")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--open", type=int, default=64, help="requests at once")
    parser.add_argument("--share", type=float, default=SHARE, help="of the calls and events that meet trouble")
    parser.add_argument("--every", type=int, default=EVERY, help="requests, from one misfortune of all to the next")
    parser.add_argument("--keep", type=Path, help="where the folder on which something went wrong is kept")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="darkroom-delivery-", dir=options.keep))
    structlog.configure(logger_factory=structlog.WriteLoggerFactory((folder / "campaign.log").open("w")))
    plan = Plan(
        platform=options.platform,
        n=options.n,
        seed=options.seed,
        folder=folder,
        n_open=options.open,
        share=options.share,
        every=options.every,
    )
    began_at = time.monotonic()
    found = asyncio.run(campaign(plan))
    seconds = time.monotonic() - began_at
    say(*(f"    {each}\n" for each in found.sentences()))
    say(f"{found.deliveries} deliveries in {seconds:.0f} s: {found.deliveries / seconds:.1f} a second")
    if found.is_good or not options.keep:
        shutil.rmtree(folder)
    say(found.line())
    return 0 if found.is_good else 1


if __name__ == "__main__":
    sys.exit(main())
