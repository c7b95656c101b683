"""Somebody presses "Delete everything" in the real house: no file of theirs is left, whatever is going on meanwhile."""

import asyncio
import io
from pathlib import Path

import pytest
from PIL import Image

from bot import sources
from engine.errors import StorageError, UserError
from engine.finish import Finisher
from storage.database import Database
from storage.exporting import Exporting
from storage.pictures import PictureFiles
from tests.fakes import engines
from tests.fakes.houses import House, open_house
from tests.fakes.platforms import origin

ADA, EVE = "recorder:ada", "recorder:eve"


def png(shade: int, side_px: int = 40) -> bytes:
    buffer = io.BytesIO()
    Image.new("L", (side_px, side_px), shade).save(buffer, format="PNG")
    return buffer.getvalue()


def files_in(folder: Path) -> list[str]:
    return sorted(file.name for file in (folder / "pictures").rglob("*") if file.is_file())


async def forget(house: House, owner: str = ADA) -> str:
    """They ask, and press; what they read then."""
    asked = await house.ask("/forget", owner=owner)
    return (await house.press(asked.buttons[0][0].id, owner=owner)).sentence


async def _delete(house: House, request: str) -> str:
    return (await house.press(f"delete:{request}")).sentence


async def link(house: House, head: str, account: str) -> None:
    """They become one person."""
    code = (await house.ask("/link", owner=head)).fields[0].value
    asked = await house.ask(code, owner=account)
    await house.press(asked.buttons[0][0].id, owner=account)


@pytest.mark.parametrize("is_forgotten", [True, False])
async def test_a_picture_that_is_just_being_kept_goes_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_forgotten: bool
) -> None:
    """Between two of its files, the first of which has the prompt in it; also where only that request is deleted."""
    put, n_put, is_put, may_go_on = PictureFiles._put, 0, asyncio.Event(), asyncio.Event()

    async def slow(files: PictureFiles, content: bytes, media_type: str, put_for: str | None) -> str:
        nonlocal n_put
        file_hash = await put(files, content, media_type, put_for)
        n_put += 1
        if n_put == 2:
            is_put.set()
            await may_go_on.wait()
        return file_hash

    async with open_house(tmp_path) as house:
        monkeypatch.setattr(PictureFiles, "_put", slow)
        card = await house.ask("/imagine a red circle")
        await is_put.wait()
        leaving = asyncio.create_task(forget(house) if is_forgotten else _delete(house, card.id))
        await engines.until(lambda: not house.all.runner.live_requests())
        may_go_on.set()
        assert (await leaving).startswith("All of it is deleted." if is_forgotten else "Deleted.")
        assert await asyncio.to_thread(files_in, tmp_path) == []


async def test_a_grid_that_is_finished_after_its_request_was_deleted_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The prompt is written on it."""
    grid, is_made, may_go_on = Finisher.grid, asyncio.Event(), asyncio.Event()

    async def slow(*args: object) -> bytes:
        made = await grid(*args)  # type: ignore[arg-type]  # passed on as it is
        is_made.set()
        await may_go_on.wait()
        return made

    async with open_house(tmp_path) as house:
        monkeypatch.setattr(Finisher, "grid", slow)
        card = await house.ask("/compare a red circle --over steps=2,3")
        await is_made.wait()
        row = await house.store.requests.find(card.id)
        assert row
        await house.store.pictures.forget(await house.store.requests.delete(card.id))
        may_go_on.set()
        await house.studio.finished(card.id)
        assert await asyncio.to_thread(files_in, tmp_path) == []


async def test_uploads_of_an_earlier_life_and_of_a_linked_account_go(tmp_path: Path) -> None:
    """Nobody but the database remembers them."""
    async with open_house(tmp_path) as house:
        await house.drawn("/imagine a red circle")
        await house.studio.take_upload(origin("u1", ADA), png(10))
    async with open_house(tmp_path) as house:
        await house.ask("/quota", owner=EVE)
        await house.drawn("/imagine a blue circle", owner=EVE)
        await house.studio.take_upload(origin("u2", EVE), png(20))
        await link(house, ADA, EVE)
        paper = await house.all.papers.keep(EVE, b"all about Eve", "text/plain", "eve.txt")
        await house.studio.take_upload(origin("u3", EVE), png(30))
        assert (await forget(house)).startswith("All of it is deleted.")
        assert await asyncio.to_thread(files_in, tmp_path) == []
        with pytest.raises(UserError, match="no longer here"):
            await house.all.papers.take(EVE, paper.name)


async def test_uploads_that_are_pushed_out_leave_the_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """By number and by bytes, of one person and of all; what was drawn from stays."""
    monkeypatch.setattr(sources, "MAX_UPLOADS_EACH", 3)
    async with open_house(tmp_path) as house:
        used = await house.studio.take_upload(origin("first", ADA), png(1))
        drawn = await house.drawn("/remix a circle", uploads=(used.id,))
        n_of_the_picture = len(await asyncio.to_thread(files_in, tmp_path))
        for shade in range(10, 20):
            await house.studio.take_upload(origin(f"u{shade}", ADA), png(shade))
        assert len(await asyncio.to_thread(files_in, tmp_path)) == n_of_the_picture + 3
        (job,) = await house.store.requests.jobs_of(drawn.id)
        assert job.source_file
        assert await house.store.pictures.has(job.source_file)
        monkeypatch.setattr(sources, "MAX_BYTES_EACH", 1)
        latest = await house.studio.take_upload(origin("last", ADA), png(50))
        assert len(await asyncio.to_thread(files_in, tmp_path)) == n_of_the_picture + 1
        monkeypatch.setattr(sources, "MAX_BYTES", 1)
        await house.studio.take_upload(origin("of eve", EVE), png(60))
        assert len(await asyncio.to_thread(files_in, tmp_path)) == n_of_the_picture + 1
        with pytest.raises(UserError, match="attach the picture again"):
            await house.ask("/remix a circle", uploads=(latest.id,))


async def test_an_upload_that_is_being_looked_at_is_forgotten_once_it_is_there(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever presses a moment after sending it."""
    look, is_looked_at, may_go_on = Finisher.look, asyncio.Event(), asyncio.Event()

    async def slow(finisher: Finisher, file: bytes) -> object:
        found = await look(finisher, file)
        is_looked_at.set()
        await may_go_on.wait()
        return found

    async with open_house(tmp_path) as house:
        await house.drawn("/imagine a red circle")
        monkeypatch.setattr(Finisher, "look", slow)
        taking = asyncio.create_task(house.studio.take_upload(origin("u", ADA), png(10)))
        await is_looked_at.wait()
        forgetting = asyncio.create_task(forget(house))
        await engines.until(lambda: _n_waiting(house) > 0)
        may_go_on.set()
        await asyncio.gather(taking, forgetting)
        assert await asyncio.to_thread(files_in, tmp_path) == []


def _n_waiting(house: House) -> int:
    """Who waits for their turn with Ada's uploads."""
    return len(house.studio._sources._turns[ADA]._waiters or ())


async def test_a_file_of_everything_is_not_made_beside_it(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Neither is one that is being made left lying for an hour, nor is one begun while all goes."""
    export, is_begun, may_go_on = Exporting.export, asyncio.Event(), asyncio.Event()

    async def slow(exporting: Exporting, owner: str, folder: Path) -> Path:
        made = await export(exporting, owner, folder)
        is_begun.set()
        await may_go_on.wait()
        return made

    async with open_house(tmp_path) as house:
        await house.drawn("/imagine a red circle")
        monkeypatch.setattr(Exporting, "export", slow)
        exporting = asyncio.create_task(house.ask("/mydata"))
        await is_begun.wait()
        asked = await house.ask("/forget")
        with pytest.raises(UserError, match="being made at this moment"):
            await house.press(asked.buttons[0][0].id)
        may_go_on.set()
        await exporting
        cancel_all = house.desk._office.hands.cancel_all

        async def meanwhile(owner: str, place: str) -> int:
            with pytest.raises(UserError, match="being forgotten"):
                await house.ask("/mydata")
            return await cancel_all(owner, place)

        object.__setattr__(house.desk._office.hands, "cancel_all", meanwhile)
        assert (await house.press(asked.buttons[0][0].id)).sentence.startswith("All of it is deleted.")
        assert list(await asyncio.to_thread(lambda: list(house.all.papers.folder.iterdir()))) == []


async def test_what_is_left_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Traces until the file is written anew, that it could not be, or that the disk kept more."""

    async def refuse(*_: object) -> None:
        raise StorageError("The disk is full.")

    async with open_house(tmp_path) as house:
        told = []
        for broken, call in ((None, ""), (None, ""), (Database, "rewrite"), (PictureFiles, "forget")):
            await house.drawn("/imagine a red circle")
            with monkeypatch.context() as ill:
                if broken:
                    ill.setattr(broken, call, refuse)
                    ill.setattr(house.store.forgetting, "_may_rewrite", lambda *_: True)
                told.append(await forget(house))
        assert [each.startswith("All of it is deleted.") for each in told] == [True, True, True, False]
        assert "Copies" not in told[0]
        assert "within a quarter of an hour" in told[1]
        assert "tried again by itself. The reason: The disk is full." in told[2]
        assert "not yet all of your pictures and words" in told[3]
        await house.store.forgetting.tidy()
        assert await asyncio.to_thread(files_in, tmp_path) == []
