import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from engine.errors import StorageError, UserError
from storage.pictures import UNCLAIMED_S, PictureFiles
from storage.records import PictureRow
from storage.store import Store, open_store
from tests.fakes import remembered
from tests.fakes.remembered import OWNER


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as opened:
        yield opened


def files_in(folder: Path) -> set[str]:
    return {file.name for file in folder.rglob("*") if file.is_file()}


async def _kept(store: Store) -> list[PictureRow]:
    """Everything of the history, oldest first."""
    return list(reversed(await store.history.search(OWNER, "", None, 99)))


async def test_the_same_content_is_the_same_file(store: Store, tmp_path: Path) -> None:
    """However often and however many at once; its folder is the beginning of its hash."""
    hashes = await asyncio.gather(*(store.pictures.put(b"picture", "image/png") for _ in range(8)))
    assert len(set(hashes)) == 1
    assert files_in(tmp_path / "pictures") == set(hashes)
    assert store.pictures.path(hashes[0]) == tmp_path / "pictures" / hashes[0][:2] / hashes[0]
    assert await store.pictures.read(hashes[0]) == b"picture"
    assert await store.pictures.has(hashes[0])


@pytest.mark.parametrize("name", [remembered.hash_of("never"), "", "../../etc/passwd", "zz"])
async def test_what_is_not_kept_is_a_sentence(store: Store, name: str) -> None:
    """Whatever is asked for: nothing is opened but what was stored."""
    assert not await store.pictures.has(name)
    with pytest.raises(UserError, match="removed to save disk space"):
        await store.pictures.read(name)


@pytest.mark.parametrize("content", [None, b"other", b""])
async def test_a_file_that_somebody_changed_is_not_shown(store: Store, content: bytes | None) -> None:
    """Missing, changed or emptied behind our back: one sentence; put again it is whole."""
    file_hash = await store.pictures.put(b"picture", "image/png")
    path = store.pictures.path(file_hash)
    await asyncio.to_thread(path.unlink if content is None else lambda: path.write_bytes(content or b""))
    with pytest.raises(StorageError, match="again"):
        await store.pictures.read(file_hash)
    await store.pictures.put(b"picture", "image/png")
    assert await store.pictures.read(file_hash) == b"picture"


async def test_who_is_cancelled_while_putting_leaves_no_file(
    store: Store, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whatever the disk was doing then; what another has put stays."""
    write, is_writing = PictureFiles._write, asyncio.Event()
    loop = asyncio.get_running_loop()

    def told(files: PictureFiles, file_hash: str, content: bytes) -> None:
        loop.call_soon_threadsafe(is_writing.set)
        write(files, file_hash, content)

    monkeypatch.setattr(PictureFiles, "_write", told)
    others = await store.pictures.put(b"of two", "image/png", "web:another")
    for content in (b"of one", b"of two"):
        is_writing.clear()
        putting = asyncio.create_task(store.pictures.put(content, "image/png", OWNER))
        await is_writing.wait()
        putting.cancel()
        await asyncio.wait((putting,))
        assert putting.cancelled()
    assert await asyncio.to_thread(files_in, tmp_path / "pictures") == {others}
    assert await store.pictures.read(others) == b"of two"


async def test_forgetting_deletes_what_nobody_refers_to(store: Store) -> None:
    """What another request shows stays."""
    await remembered.drawn(store, remembered.recipe())
    (picture,) = await _kept(store)
    assert picture.file_hash
    loose = await store.pictures.put(b"loose", "image/png")
    await store.pictures.forget({loose, picture.file_hash, remembered.hash_of("unknown"), "nonsense"})
    assert not await store.pictures.has(loose)
    assert not await asyncio.to_thread(store.pictures.path(loose).exists)
    assert await store.pictures.read(picture.file_hash)


async def test_a_file_that_two_have_just_put_is_not_taken_from_the_second(store: Store) -> None:
    """One is deleted while the other, the very same, is about to be written down."""
    first = await remembered.drawn(store, remembered.recipe())
    new = remembered.request()
    await store.requests.add(new, [remembered.job(new)])
    picture = await remembered.picture(store.pictures, 1, remembered.recipe())
    await store.pictures.forget(await store.requests.delete(first))
    assert await store.requests.finish_job(f"{new.id}-1", [picture], 1.0)
    assert await store.pictures.read(picture.file_hash)


async def test_a_pruned_picture_stays_in_the_history_and_comes_back_when_drawn_again(store: Store) -> None:
    """Its thumbnail is still there."""
    await remembered.drawn(store, remembered.recipe())
    await store.pictures.prune(0)
    (picture,) = await _kept(store)
    assert not picture.is_kept
    assert await store.pictures.has(picture.thumbnail_hash)
    await remembered.drawn(store, remembered.recipe())
    assert all(each.is_kept for each in await _kept(store))


async def test_the_budget_costs_animations_first_then_the_oldest_originals(store: Store) -> None:
    """And no more than it must."""
    for number in range(6):
        await remembered.drawn(store, remembered.recipe(f"number {number}", seed=number), is_animated=True)
    sizes = {kind: len(f"{kind} of number 0 0".encode()) for kind in ("file", "thumbnail", "animation")}
    total = 6 * sum(sizes.values())

    pruned = await store.pictures.prune(total)
    assert (pruned.hashes, pruned.n_bytes) == (frozenset(), 0)

    pruned = await store.pictures.prune(total - 2 * sizes["animation"])
    assert pruned.n_bytes == 2 * sizes["animation"]
    assert [each.animation_hash is None for each in await _kept(store)] == [True] * 2 + [False] * 4

    await store.pictures.prune(total - 6 * sizes["animation"] - 2 * sizes["file"])
    kept = await _kept(store)
    assert [each.animation_hash for each in kept] == [None] * 6
    assert [each.is_kept for each in kept] == [False] * 2 + [True] * 4

    await store.pictures.prune(0)
    assert [each.is_kept for each in await _kept(store)] == [False] * 6
    assert all([await store.pictures.has(each.thumbnail_hash) for each in await _kept(store)])


async def test_the_source_of_an_unfinished_job_never_goes(store: Store) -> None:
    """Once the job has ended it goes like any other."""
    source = await store.pictures.put(b"source", "image/png")
    new = remembered.request()
    await store.requests.add(new, [remembered.job(new, source_file=source)])
    await store.pictures.prune(0)
    assert await store.pictures.read(source) == b"source"
    await store.requests.cancel(new.id)
    assert (await store.pictures.prune(0)).hashes == {source}
    assert (await store.requests.jobs_of(new.id))[0].source_file is None


async def test_what_nobody_came_for_goes_after_a_day(store: Store, tmp_path: Path) -> None:
    """Whatever the budget; not before, because its request may be on the way."""
    now_s = [1_000_000.0]
    files = PictureFiles(tmp_path / "pictures", store.database, clock=lambda: now_s[0])
    upload = await files.put(b"upload", "image/png")
    await files.prune(0)
    assert await files.has(upload)
    now_s[0] += UNCLAIMED_S + 1
    assert (await files.prune(10**9)).hashes == {upload}
    assert not await files.has(upload)
    assert upload not in files_in(tmp_path / "pictures")


async def test_putting_forgetting_and_pruning_at_once_leave_rows_and_files_agreeing(
    store: Store, tmp_path: Path
) -> None:
    """The same few files over and over: each is kept with its bytes, or gone with its row."""
    contents = [bytes([number]) * 50 for number in range(4)]

    async def churn(turn: int) -> None:
        file_hash = await store.pictures.put(contents[turn % 4], "image/png")
        await store.pictures.forget([file_hash])
        await store.pictures.prune(0)

    await asyncio.gather(*(churn(turn) for turn in range(40)))
    for content in contents:
        file_hash = await store.pictures.put(content, "image/png")
        assert await store.pictures.read(file_hash) == content
    assert len(files_in(tmp_path / "pictures")) == 4
