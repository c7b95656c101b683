"""What people can do without drawing costs something too: bans and a pace hold for it, and strangers send nothing."""

import asyncio
import io
from collections.abc import Awaitable, Callable
from pathlib import Path

import pytest
from PIL import Image

from bot.desk.desk import ASKS_AT_ONCE, UPLOADS_AT_ONCE
from engine.errors import UserError
from storage.references import LOOSE_MS
from tests.fakes.houses import open_house
from tests.fakes.platforms import origin

ADA, OLGA = "recorder:ada", "recorder:olga"


def png(side_px: int = 40) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (side_px, side_px)).save(buffer, format="PNG")
    return buffer.getvalue()


async def until_refused(ask: Callable[[], Awaitable[object]]) -> str:
    """Again and again, what is not there too; the sentence that asks for patience."""
    for _ in range(1_000):
        try:
            await ask()
        except UserError as exc:
            if "That was quick" in str(exc):
                return str(exc)
    raise AssertionError("nobody asks for patience")


def n_files(folder: Path) -> int:
    return sum(file.is_file() for file in (folder / "pictures").rglob("*"))


async def test_strangers_and_banned_people_send_no_pictures(tmp_path: Path) -> None:
    """They are refused before anything is fetched; and once more before anything is kept."""
    async with open_house(tmp_path, operators=(OLGA,)) as house:
        stranger = origin("s", "discord:5", platform="discord", place="discord:1:2")
        await house.ask("/imagine a red circle", owner="recorder:eve")
        await house.ask("/ban recorder:eve", owner=OLGA)
        before = await asyncio.to_thread(n_files, tmp_path)
        for who, sentence in ((stranger, "This Darkroom is private"), (origin("e", "recorder:eve"), "You are banned")):
            with pytest.raises(UserError, match=sentence):
                await house.studio.may_upload(who)
            with pytest.raises(UserError, match=sentence):
                await house.studio.take_upload(who, png())
        assert await asyncio.to_thread(n_files, tmp_path) == before
        await house.studio.may_upload(origin("a", ADA))


async def test_only_so_many_pictures_come_in_a_minute(tmp_path: Path) -> None:
    """An operator's are not counted."""
    async with open_house(tmp_path, operators=(OLGA,)) as house:
        refusal = await until_refused(lambda: house.studio.may_upload(origin("u", ADA)))
        assert "pictures a minute are the most. Come back in" in refusal
        for number in range(int(UPLOADS_AT_ONCE) * 2):
            await house.studio.may_upload(origin(str(number), OLGA))


@pytest.mark.parametrize("is_typed", [True, False])
async def test_showing_is_counted_in_the_rate(tmp_path: Path, is_typed: bool) -> None:
    """It is a message that is kept and delivered, like any other."""
    async with open_house(tmp_path, operators=(OLGA,)) as house:
        card = await house.drawn("/imagine a red circle")
        await house.ask(f"/quota set {ADA} rate 1", owner=OLGA)
        await house.ask(f"/quota set {ADA} burst 3", owner=OLGA)
        refusal = await until_refused(
            lambda: house.ask(f"/show {card.id}.1") if is_typed else house.press(f"show:{card.id}.1")
        )
        assert refusal.startswith("That was quick: you have 1 request a minute")
        cards, _ = await house.studio.conversation(ADA, None, 20)
        assert len(cards) <= 4


@pytest.mark.parametrize("words", ["/show", "/history", "/original", "/queue", "/collect", "/recipe"])
async def test_who_is_banned_is_shown_nothing(tmp_path: Path, words: str) -> None:
    """But may take back what waits, and has a right to what is kept."""
    async with open_house(tmp_path, operators=(OLGA,)) as house:
        card = await house.drawn("/imagine a red circle")
        await house.ask(f"/ban {ADA} 1h spam", owner=OLGA)
        with pytest.raises(UserError, match="You are banned"):
            await house.ask(words)
        assert (await house.ask("/mydata")).paper
        assert (await house.press(f"delete:{card.id}")).kind == "delete"


async def test_a_flood_of_what_draws_nothing_is_told_to_come_back(tmp_path: Path) -> None:
    """Typed or pressed, of the desk or not; an operator is never kept waiting by it."""
    async with open_house(tmp_path, operators=(OLGA,)) as house:
        for _ in range(int(ASKS_AT_ONCE) // 2):
            await house.ask("/help")
            await house.ask("/quota")
        refusal = await until_refused(lambda: house.ask("/help"))
        assert "things that draw nothing a minute are the most. Come back in" in refusal
        assert "things that draw nothing" in await until_refused(lambda: house.press("file:aaaaaaaa.1"))
        await house.ask("/imagine a red circle")
        for _ in range(int(ASKS_AT_ONCE) + 5):
            await house.ask("/help", owner=OLGA)


async def test_a_full_budget_costs_what_nobody_came_for_before_anybodys_picture(tmp_path: Path) -> None:
    """But for what was sent in the last minutes, whose words are being typed."""
    async with open_house(tmp_path) as house:
        card = await house.drawn("/imagine a red circle")
        upload = await house.studio.take_upload(origin("u", "recorder:eve"), png())
        kept = await house.store.pictures._kept_bytes()
        now_s = house.store.pictures._clock()
        house.store.pictures._clock = lambda: now_s + LOOSE_MS / 1_000 + 1
        pruned = await house.store.pictures.prune(kept - 1)
        assert len(pruned.hashes) == 1
        with pytest.raises(UserError, match="no longer kept"):
            await house.studio.file("recorder:eve", upload.id, "upload")
        assert (await house.studio.file(ADA, f"{card.id}.1", "picture")).path.exists()
        assert (await house.studio.file(ADA, f"{card.id}.1", "animation")).path.exists()
