"""Thousands of Telegram updates, and the bot is killed again and again: is everything taken care of that was told?

    python -m tests.campaigns.ingest --updates 3000 --kills 60 --seed 1 [--stock] [--keep FOLDER]

The real adapter polls a fake Telegram over real sockets, with a real SQLite file and the drawer without torch. People
write in bursts; the bot is killed at a seeded moment: when so many of its calls were done, before it could read the
answer to the last (the first of them are polls), or after a time. In the end a last life takes care of what is left.
What neither became a request nor had an answer is lost. `--stock`: a bot as the library's examples write one, which
keeps what it was told in memory.

The last line is the result; the status is 0 if nothing was lost or doubled and everything fits together.
"""

import argparse
import asyncio
import multiprocessing
import random
import shutil
import signal
import sys
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import structlog

from tests.campaigns import deliveries
from tests.campaigns.asking import NOTHING
from tests.campaigns.deliveries import Count, Ledger
from tests.campaigns.delivery import NEVER_ASKS, PACE, WORKER, Lives, prepare, settle
from tests.campaigns.ground import say
from tests.campaigns.nursery import Being
from tests.campaigns.telegram_stage import TelegramStage
from tests.fakes import stock_bot
from tests.fakes.stock_bot import StockLife

LIFE_S = 6.0  # a life that does not come to its moment by then is ended all the same
EARLY, LATE = 12, 120  # calls that were done: most of a burst is on its way in by the first, and out by the second
SETTLE_S = 1_800.0  # thousands may wait that were told to lives which ended
STOCK_S = 5.0  # without a word, and the stock bot has nothing more to say
_TELL_EVERY = 10  # lives


@dataclass(frozen=True, kw_only=True)
class Plan:
    """What a campaign is to do."""

    n_updates: int
    n_kills: int
    seed: int
    folder: Path
    is_stock: bool = False


async def campaign(plan: Plan) -> Count:
    """Burst after burst, each with its kill; then settle and count."""
    stage = TelegramStage(f"{plan.seed} ingest", 0.0, 0.0, PACE, {NOTHING: 1})
    stage.server.limits = None
    plan.folder.mkdir(parents=True, exist_ok=True)
    await stage.open()
    data_dir = plan.folder / "data"
    if not plan.is_stock:
        await prepare(data_dir, [*stage.settings(), NEVER_ASKS])
    lives = Lives(folder=plan.folder, begin=_beginner(plan, stage, data_dir))
    luck = random.Random(f"{plan.seed} ingest kills")
    try:
        for number in range(plan.n_kills):
            being = await lives.next()
            left = plan.n_updates - stage.tallies.n_asked
            await _strike(stage, being, luck, left // (plan.n_kills - number))
            await lives.end(being, signal.SIGKILL)
            stage.buried()
            if number % _TELL_EVERY == _TELL_EVERY - 1:
                say(f"{stage.tallies.n_asked} updates, {number + 1} kills")
        being = await lives.next()
        found = await _last(plan, stage, being, data_dir)
        await lives.end(being, signal.SIGTERM)
    finally:
        await stage.close()
    found.wrongs += lives.wrongs
    return found


def _beginner(plan: Plan, stage: TelegramStage, data_dir: Path) -> Callable[[Path], Being]:
    ahead = multiprocessing.get_context("forkserver").Value("d", 0.0)
    server = stage.server

    def begin(report: Path) -> Being:
        if plan.is_stock:
            life = StockLife(report=report, token=server.token, api_base=server.api_base)
            return Being(life, stock_bot.live, ("tests.fakes.stock_bot", "tests.campaigns.nursery"))
        return stage.begin(data_dir, report, WORKER, ahead)

    return begin


async def _strike(stage: TelegramStage, being: Being, luck: random.Random, n: int) -> None:
    """So many people write, and the life ends at its moment."""
    n_deeds = luck.choice((luck.randint(1, EARLY), luck.randint(1, LATE), 0))
    within_s = LIFE_S if n_deeds else luck.uniform(0.0, LIFE_S / 2)

    def count() -> None:
        nonlocal n_deeds
        n_deeds -= 1
        if n_deeds == 0:
            being.send(signal.SIGKILL)

    stage.server.after_a_deed = count
    await stage.ask_for_more(n)
    await being.ended(within_s)
    stage.server.after_a_deed = None
    stage.drain()


async def _last(plan: Plan, stage: TelegramStage, being: Being, data_dir: Path) -> Count:
    """The last life does what is left; what came of all."""
    if not plan.is_stock:
        await settle(stage, Ledger(data_dir), being, data_dir, SETTLE_S)
        return await asyncio.to_thread(deliveries.count, data_dir, stage)
    n_said = -1
    while n_said != len(stage.server.messages) or stage.server.updates.waiting:
        n_said = len(stage.server.messages)
        await being.ended(STOCK_S)
    done = {each.reply_to for each in stage.server.messages if each.is_mine and each.text == stock_bot.DONE}
    lost = [wish for wish in stage.open_wishes if wish.asked not in done]
    return Count(deliveries=len(stage.open_wishes), lost=len(lost))


def main() -> int:
    """The campaign as a command."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--updates", type=int, default=3_000)
    parser.add_argument("--kills", type=int, default=60)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--stock", action="store_true", help="a bot as python-telegram-bot's examples write one")
    parser.add_argument("--keep", type=Path, help="where the folder on which something went wrong is kept")
    options = parser.parse_args()
    folder = Path(tempfile.mkdtemp(prefix="darkroom-ingest-", dir=options.keep))
    structlog.configure(logger_factory=structlog.WriteLoggerFactory((folder / "campaign.log").open("w")))
    plan = Plan(
        n_updates=options.updates,
        n_kills=options.kills,
        seed=options.seed,
        folder=folder,
        is_stock=options.stock,
    )
    began_at = time.monotonic()
    found = asyncio.run(campaign(plan))
    say(*(f"    {each}\n" for each in found.sentences()))
    say(f"{options.updates} updates, {options.kills} kills in {time.monotonic() - began_at:.0f} s")
    if found.is_good or not options.keep:
        shutil.rmtree(folder)
    say(found.line())
    return 0 if found.is_good else 1


if __name__ == "__main__":
    multiprocessing.set_start_method("forkserver")
    sys.exit(main())
