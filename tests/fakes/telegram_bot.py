"""A life of the real Telegram adapter for a campaign. python-telegram-bot pauses between its polls as ever."""

from dataclasses import dataclass

import httpx
from telegram.ext import ExtBot
from telegram.request import HTTPXRequest

from bot.house import House
from bot.platforms.base import Chat
from bot.platforms.telegram import intake, listener, wire
from bot.platforms.telegram import platform as adapter
from bot.platforms.telegram.platform import TelegramPlatform
from bot.platforms.telegram.settings import TelegramSettings
from engine.finish import Finisher
from tests.fakes.chat_life import ChatLife, Clock


@dataclass(frozen=True, slots=True, kw_only=True)
class TelegramLife(ChatLife):
    """With Telegram as its chat."""

    def platform(self, house: House, finisher: Finisher, clock: Clock) -> Chat:
        """The real adapter."""
        settings = TelegramSettings(token=self.token, api_base=self.api_base)
        platform = TelegramPlatform(house.studio, finisher, house.store.arrivals, settings, self.data_dir)
        _be_impatient(platform.bot, self.pace)
        return platform

    def hurry(self) -> None:
        """Patience with calls, and pauses of the adapter, are so many times people's."""
        wire.UPLOAD_WITHIN_S = self.pace * wire.UPLOAD_WITHIN_S
        listener.AGAIN_S = self.pace * listener.AGAIN_S
        intake._PAUSE_S = self.pace * intake._PAUSE_S
        adapter.AGAIN_AFTER_S = self.pace * adapter.AGAIN_AFTER_S


def _be_impatient(bot: "ExtBot[None]", pace: float) -> None:
    """A reply is waited for so many times as long; who asks for updates waits as ever."""
    _, request = bot._request
    assert isinstance(request, HTTPXRequest)
    patient = request._client_kwargs["timeout"]
    assert isinstance(patient, httpx.Timeout)
    impatient = httpx.Timeout(
        connect=patient.connect, pool=patient.pool, read=pace * (patient.read or 0.0), write=patient.write
    )
    request._client_kwargs["timeout"] = request._client.timeout = impatient
