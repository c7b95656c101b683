"""A bot as the library's own examples write one, to be compared with ours: it polls, answers, draws, and answers again.

Its queue is the library's, in memory. A picture takes `PICTURE_S` of waiting here, less than any model needs.
"""

import asyncio
import signal
from dataclasses import dataclass
from pathlib import Path

from telegram import Update
from telegram.ext import Application, ContextTypes, MessageHandler, filters

PICTURE_S = 0.1
DONE = "Here it is."


@dataclass(frozen=True, slots=True, kw_only=True)
class StockLife:
    """What a life needs."""

    report: Path
    token: str
    api_base: str


def live(life: StockLife) -> None:
    """Live it; the process ends with it."""
    asyncio.run(_serve(life))


async def _serve(life: StockLife) -> None:
    asked = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, asked.set)
    app = Application.builder().token(life.token).base_url(f"{life.api_base}/bot").build()
    app.add_handler(MessageHandler(filters.TEXT, _draw))
    async with app:
        await app.start()
        assert app.updater
        await app.updater.start_polling()
        life.report.write_text("ready\n")
        await asked.wait()
        await app.updater.stop()
        await app.stop()


async def _draw(update: Update, _: ContextTypes.DEFAULT_TYPE) -> None:
    assert update.message
    line = await update.message.reply_text("You are in line.", do_quote=True)
    await asyncio.sleep(PICTURE_S)
    await line.edit_text(DONE)
