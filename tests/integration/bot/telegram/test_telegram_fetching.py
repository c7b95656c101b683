"""Pictures that people send and that do not come at once, or never: what they can mend is said, the rest waits."""

import io
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from PIL import Image

from bot.platforms.telegram import fetching, listener
from tests.fakes.telegram_houses import Scene, open_telegram, over
from tests.fakes.telegram_server import Fault, texts


def png(width_px: int, height_px: int) -> bytes:
    """A picture that somebody has."""
    buffer = io.BytesIO()
    Image.linear_gradient("L").resize((width_px, height_px)).convert("RGB").save(buffer, format="PNG")
    return buffer.getvalue()


@pytest.fixture
async def scene(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Scene]:
    """A house that draws at once; in the end every call and update must be by the spec."""
    monkeypatch.setattr(listener, "AGAIN_S", 0.05)
    async with open_telegram(tmp_path) as opened:
        yield opened
        assert opened.server.problems() == []
        assert opened.server.offences == []


@pytest.mark.parametrize(
    ("method", "fault", "status"),
    [
        ("getFile", Fault.TOO_MANY, 429),
        ("getFile", Fault.BROKEN_BEFORE, 500),
        ("getFile", Fault.DROPPED, 0),
        ("download", Fault.BROKEN_BEFORE, 502),
        ("download", Fault.RESET, 0),
    ],
)
async def test_what_fails_for_now_is_fetched_later(scene: Scene, method: str, fault: Fault, status: int) -> None:
    """Nobody is asked to send it again for a fault of ours or of the line."""
    scene.server.next_fault(method, fault, status=status, retry_after_s=1.0)
    sent = await scene.server.send_photo(scene.ada, scene.private, png(64, 64), caption="a blue ring --strength 0.6")
    assert "strength 0.6" in texts(await over(await scene.server.answer_to(sent, 20.0)))
    assert len(scene.server.of_bot(scene.private)) == 1


async def test_a_server_that_falls_silent_is_left_and_asked_again(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However slowly it speaks: there is one limit for all of a file."""
    monkeypatch.setattr(fetching, "FETCH_WITHIN_S", 0.5)
    scene.server.weather.stall_s = 3_600.0
    scene.server.next_fault("download", Fault.STALLED)
    sent = await scene.server.send_photo(scene.ada, scene.private, png(64, 64), caption="a blue ring --strength 0.6")
    assert "strength 0.6" in texts(await over(await scene.server.answer_to(sent, 20.0)))


async def test_what_never_comes_is_a_sentence_in_the_end(scene: Scene) -> None:
    """After some tries."""
    scene.server.next_fault("download", Fault.BROKEN_BEFORE, n=100, status=502)
    sent = await scene.server.send_photo(scene.ada, scene.private, png(64, 64), caption="a blue ring")
    assert "send it again" in texts(await scene.server.answer_to(sent, 20.0))
    assert len(scene.server.downloads) == fetching.MOST_TRIES


async def test_what_telegram_hands_no_bot_is_told_by_its_size(scene: Scene) -> None:
    """Also where only Telegram knew that it is too large."""
    scene.server.sizes.download = 100
    sent = await scene.server.send_document(scene.ada, scene.private, png(256, 256), "large.png", caption="a ring")
    assert "larger than 20 MB" in texts(await scene.server.answer_to(sent, 10.0))


async def test_what_is_too_large_by_its_update_is_not_asked_for(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """Telegram says the size with the message."""
    monkeypatch.setattr(scene.platform._listener._fetching, "_most_bytes", 2**20)
    large = png(64, 64) + b"\0" * 2**20
    sent = await scene.server.send_document(scene.ada, scene.private, large, "large.png", caption="a ring")
    assert "larger than 1 MB" in texts(await scene.server.answer_to(sent, 10.0))
    assert not [each for each in scene.server.calls if each.method == "getFile"]
