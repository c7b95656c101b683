"""What is remembered of people's pictures, for who types: kept behind the answers, bounded, and forgotten."""

import asyncio
from collections import Counter

import pytest

from bot.gallery import HistoryPage, PictureLine
from bot.platforms.discord import recent
from bot.platforms.discord.recent import Recent
from bot.platforms.discord.suggestions import choices
from engine.errors import StorageError


class Histories:
    """Everybody's pictures, by account; read only while the gate is open."""

    def __init__(self) -> None:
        self.prompts: dict[str, list[str]] = {}
        self.gate = asyncio.Event()
        self.gate.set()
        self.n_reads: Counter[str] = Counter()
        self.is_ill = False

    async def history(self, owner: str, words: str, before: str | None, limit: int) -> HistoryPage:
        self.n_reads[owner] += 1
        await self.gate.wait()
        if self.is_ill:
            raise StorageError("The disk is ill.")
        prompts = [(at, each) for at, each in enumerate(self.prompts.get(owner, []))][::-1]
        found = [(at, each) for at, each in prompts if words in each][:limit]
        return HistoryPage(pictures=tuple(line(at, each) for at, each in found), next=None, total=len(found))

    async def latest_accounts(self, platform: str, limit: int) -> tuple[str, ...]:
        if self.is_ill:
            raise StorageError("The disk is ill.")
        return tuple(each for each in self.prompts if each.startswith(f"{platform}:"))[:limit]


def line(at: int, prompt: str) -> PictureLine:
    return PictureLine(
        picture=f"pic{at}.1", prompt=prompt, seed=at, model="pocket", width_px=8, height_px=8, created_s=float(at)
    )


def prompts_of(known: Recent, account: str, words: str = "") -> list[str]:
    return [each.prompt for each in known.of(account, words)]


async def test_what_is_not_known_yet_is_there_the_next_time() -> None:
    """The first answer is empty and at once; reading goes on behind it."""
    histories = Histories()
    histories.prompts["discord:1"] = ["a ring", "a heart"]
    known = Recent(histories)
    histories.gate.clear()
    assert prompts_of(known, "discord:1") == []
    histories.gate.set()
    await known.settled()
    assert prompts_of(known, "discord:1") == ["a heart", "a ring"]
    await known.close()


async def test_many_letters_are_one_reading_and_one_more() -> None:
    """Somebody who types fast does not make a queue of readings."""
    histories = Histories()
    histories.gate.clear()
    known = Recent(histories)
    for _ in range(20):
        known.of("discord:1")
    histories.gate.set()
    await known.settled()
    assert histories.n_reads["discord:1"] == 2


async def test_words_find_older_pictures_too(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the next letter: what is beyond the newest is looked for behind the answer."""
    monkeypatch.setattr(recent, "MAX_EACH", 2)
    histories = Histories()
    histories.prompts["discord:1"] = ["a lighthouse", "a ring", "a heart"]
    known = Recent(histories)
    known.note("discord:1")
    await known.settled()
    assert choices(known, "discord:1", "show", "source", "light", {}) == []
    await known.settled()
    assert choices(known, "discord:1", "show", "source", "light", {}) == [
        {"name": "pic0.1  a lighthouse", "value": "pic0.1"}
    ]
    await known.close()


async def test_memory_is_bounded_and_keeps_who_types(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who was read longest ago goes first."""
    monkeypatch.setattr(recent, "MAX_PEOPLE", 2)
    histories = Histories()
    known = Recent(histories)
    for account in ("discord:1", "discord:2", "discord:1", "discord:3"):
        histories.prompts[account] = ["a ring"]
        known.note(account)
        await known.settled()
    assert list(known._newest) == ["discord:1", "discord:3"]
    assert set(known._found) == {"discord:1", "discord:3"}


async def test_who_was_met_is_read_once() -> None:
    """Everything somebody does would be much reading for nothing."""
    histories = Histories()
    known = Recent(histories)
    for _ in range(3):
        known.meet("discord:1")
        await known.settled()
    assert histories.n_reads["discord:1"] == 1


async def test_who_is_forgotten_while_they_are_read_is_forgotten() -> None:
    """What was on its way of them is not kept."""
    histories = Histories()
    histories.prompts["discord:1"] = ["a secret"]
    known = Recent(histories)
    histories.gate.clear()
    known.note("discord:1")
    await asyncio.sleep(0)
    known.forget("discord:1")
    histories.gate.set()
    await known.settled()
    assert list(known._newest) == []


async def test_an_ill_disk_offers_what_is_known() -> None:
    """And breaks nothing, also at a start."""
    histories = Histories()
    histories.prompts["discord:1"] = ["a ring"]
    known = Recent(histories)
    known.warm()
    await known.settled()
    histories.is_ill = True
    known.warm()
    known.note("discord:1")
    await known.settled()
    assert prompts_of(known, "discord:1") == ["a ring"]
    await known.close()
