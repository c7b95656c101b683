"""Real processes that are killed, and real disks that are full, under the storage of the bot."""

import asyncio
import contextlib
import errno
import random
import sqlite3
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from dataclasses import replace
from pathlib import Path
from typing import IO, Any, NoReturn

import pytest

from engine.errors import StorageError, UserError
from storage.asking import Asking
from storage.outbox import Outbox
from storage.records import DeliveryKind, NewJob, NewPicture, NewRequest, State
from storage.statements import Row, Values, Writing
from storage.store import DATABASE_NAME, Store, open_store
from tests.fakes import remembered

ROOT = Path(__file__).parents[2]
N_LIVES = 8


@contextlib.contextmanager
def writer(data_dir: Path, seed: int = 0, most_bytes: int = -1) -> Iterator[IO[str]]:
    """A process that stores things, and what it says; it is killed at the end. No file of its may grow too big."""
    command = [sys.executable, "-m", "tests.fakes.writer", str(data_dir), str(seed), str(most_bytes)]
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True) as process:
        assert process.stdout
        try:
            yield process.stdout
        finally:
            process.kill()


def said_until_killed(data_dir: Path, seed: int, n_lines: int) -> list[str]:
    """What a process said in its life; it dies after about so many lines, in the middle of the next step."""
    with writer(data_dir, seed) as out:
        said = [line for line, _ in zip(out, range(n_lines), strict=False)]
    return [line.strip() for line in said]


def check(data_dir: Path) -> None:
    """Nothing is half there: tables, files and the search index agree."""
    connection = sqlite3.connect(data_dir / DATABASE_NAME)
    ask = connection.execute
    assert ask("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert ask("PRAGMA foreign_key_check").fetchall() == []
    done = "SELECT count(*) FROM jobs WHERE state = 'done' AND no NOT IN (SELECT job FROM pictures)"
    assert ask(done).fetchall() == [(0,)]
    early = "SELECT count(*) FROM pictures JOIN jobs ON jobs.no = job WHERE jobs.state <> 'done'"
    assert ask(early).fetchall() == [(0,)]
    counted = "SELECT count(*) FROM people WHERE n_pictures <> (SELECT count(*) FROM pictures WHERE person = people.id)"
    assert ask(counted).fetchall() == [(0,)]
    uncharged = "SELECT count(*) FROM jobs WHERE id NOT IN (SELECT job FROM charges WHERE job IS NOT NULL)"
    assert ask(uncharged).fetchall() == [(0,)]
    untold = (
        "SELECT count(*) FROM requests WHERE NOT is_deleted AND no NOT IN (SELECT request FROM outbox "
        "WHERE kind = iif(requests.state = 'waiting', 'acknowledge', 'result'))"
    )
    assert ask(untold).fetchall() == [(0,)]
    for hash_, n_bytes in ask("SELECT hash, n_bytes FROM files WHERE state = 'kept'"):
        assert (data_dir / "pictures" / hash_.hex()[:2] / hash_.hex()).stat().st_size == n_bytes
    for request, number, person, seed in ask(
        "SELECT request, number, person, json_extract(recipe, '$.seed') FROM pictures"
    ).fetchall():
        match = f'"{person}_prompt{seed}" AND "{person}_number{number}"'
        found = ask("SELECT rowid FROM search WHERE search MATCH ?", (match,)).fetchall()
        ids = ask("SELECT id FROM pictures WHERE request = ? AND number = ?", (request, number)).fetchall()
        assert ids[0] in found
    connection.close()


def test_a_process_that_is_killed_anywhere_keeps_every_promise(tmp_path: Path) -> None:
    """Many lives in one folder, each ended by kill -9: what was acknowledged is there, nothing is half there."""
    luck = random.Random()
    asked: set[str] = set()
    finished: set[str] = set()
    deleted: set[str] = set()
    for seed in range(N_LIVES):
        for line in said_until_killed(tmp_path, seed, luck.randint(1, 40)):
            what, _, name = line.partition(" ")
            {"asked": asked, "finished": finished, "deleted": deleted}.get(what, set()).add(name)
        check(tmp_path)
    connection = sqlite3.connect(tmp_path / DATABASE_NAME)
    there = {row[0] for row in connection.execute("SELECT id FROM requests WHERE NOT is_deleted")}
    gone = {row[0] for row in connection.execute("SELECT id FROM requests WHERE is_deleted")}
    done = {row[0] for row in connection.execute("SELECT id FROM jobs WHERE state = 'done'")}
    connection.close()
    assert asked <= there | gone
    assert deleted <= gone
    assert {job for job in finished if job.split("-")[0] not in gone} <= done


async def test_after_a_kill_the_next_start_sweeps_what_is_left(tmp_path: Path) -> None:
    """Parts of files, files whose row was never written, and files that were on their way out."""
    said_until_killed(tmp_path, 3, 30)
    left = tmp_path / "pictures" / "incoming" / ".darkroom-dead.part"
    await asyncio.to_thread(left.write_bytes, b"half")
    rowless = _without_its_row(tmp_path)
    async with open_store(tmp_path) as store:
        assert not await asyncio.to_thread(rowless.exists)
        assert list(await asyncio.to_thread(left.parent.iterdir)) == []

        async def leaving(writing: Writing) -> list[Row]:
            return await writing.rows("SELECT hash FROM files WHERE state = 'leaving'")

        assert await store.database.write(leaving) == []
    check(tmp_path)


async def test_a_file_is_marked_until_its_row_is_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Between the file and its row the mark is there; with the row it is gone, and a start keeps the file."""
    async with open_store(tmp_path) as store:
        marks: list[list[str]] = []
        write = store.database.write

        async def spied(step: Any) -> Any:
            marks.append([each.name for each in (tmp_path / "pictures" / "incoming").iterdir()])
            return await write(step)

        monkeypatch.setattr(store.database, "write", spied)
        file_hash = await store.pictures.put(b"a picture", "image/png")
        assert marks[-1] == [f"{file_hash}.coming"]  # before it: the house's own chores
        assert list((tmp_path / "pictures" / "incoming").iterdir()) == []
    async with open_store(tmp_path) as store:
        assert await store.pictures.read(file_hash) == b"a picture"


async def test_a_file_whose_row_does_not_fit_is_taken_back(store: Store, tmp_path: Path) -> None:
    """A full database keeps no file that nobody knows, and no mark; when there is room it is put like any other."""

    async def allow(writing: Writing, n_pages: int) -> None:
        await writing.rows(f"PRAGMA max_page_count = {n_pages}")

    await store.database.write(lambda writing: allow(writing, 1))
    contents = [f"picture {number}".encode() for number in range(400)]

    async def put_all() -> None:
        for content in contents:
            await store.pictures.put(content, "image/png")

    with pytest.raises(StorageError, match="The disk is full"):
        await put_all()
    there = [each.name for each in (tmp_path / "pictures").rglob("*") if each.is_file()]
    assert [each for each in there if not await store.pictures.has(each)] == []
    await store.database.write(lambda writing: allow(writing, 1_000_000))
    assert await store.pictures.read(await store.pictures.put(contents[-1], "image/png")) == contents[-1]


def _without_its_row(data_dir: Path) -> Path:
    """A file as a kill between its writing and its row leaves it."""
    name = "ab" + 62 * "0"
    path = data_dir / "pictures" / "ab" / name
    path.parent.mkdir(exist_ok=True)
    path.write_bytes(b"nobody's")
    (data_dir / "pictures" / "incoming" / f"{name}.coming").touch()
    return path


async def test_a_second_process_on_the_same_folder_is_told_who_is_there(tmp_path: Path) -> None:
    """One sentence with the process; and after a kill -9 the folder is free at once."""
    with writer(tmp_path) as out:
        await asyncio.to_thread(out.readline)
        with pytest.raises(UserError, match=r"in use by another Darkroom \(process \d+, since .*\)\. Stop that one"):
            async with open_store(tmp_path):
                pass
    async with open_store(tmp_path) as store:
        store.hold.tell("http://127.0.0.1:8321")
        with pytest.raises(UserError, match=r"page http://127\.0\.0\.1:8321"):
            async with open_store(tmp_path):
                pass


def test_where_no_file_can_grow_requests_are_refused_and_nothing_breaks(tmp_path: Path) -> None:
    """Writes fail for real, at whatever byte they reach: a sentence each time, and a whole database afterwards."""
    said_until_killed(tmp_path, 0, 60)
    with writer(tmp_path, 1, most_bytes=(tmp_path / DATABASE_NAME).stat().st_size + 200_000) as out:
        refused = next((line for line in out if line.startswith("refused")), "")
    assert "reports an error" in refused
    check(tmp_path)


# In one process, where a fault can be put in a chosen place


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as opened:
        yield opened


async def test_a_full_database_refuses_politely_and_goes_on_when_there_is_space(store: Store) -> None:
    """SQLITE_FULL from SQLite itself: nothing acknowledged is lost, nothing refused is half there."""
    first = await remembered.drawn(store, remembered.recipe())

    async def allow(writing: Writing, n_pages: int) -> None:
        await writing.rows(f"PRAGMA max_page_count = {n_pages}")

    await store.database.write(lambda writing: allow(writing, 1))  # SQLite takes the present size, and no page more
    big = remembered.request(words="long " * 5_000)
    with pytest.raises(StorageError, match="The disk is full"):
        await store.requests.add(big, [remembered.job(big)])
    assert await store.requests.find(big.id) is None
    assert await store.requests.find(first)
    await store.database.write(lambda writing: allow(writing, 1_000_000))
    await store.requests.add(big, [remembered.job(big)])
    assert len(await store.requests.unfinished()) == 1


async def _everything(store: Store) -> list[list[Row]]:
    """All rows that a step could have changed."""

    async def ask(writing: Writing) -> list[list[Row]]:
        tables = ("requests", "jobs", "pictures", "people", "places", "chores", "search_data", "charges", "outbox")
        return [await writing.rows(f"SELECT * FROM {table}") for table in tables]

    return await store.database.write(ask)


Steps = dict[str, Callable[[], Awaitable[object]]]


def _steps(store: Store, request: NewRequest, jobs: list[NewJob], pictures: list[NewPicture]) -> Steps:
    """Everything that is one transaction of several statements."""
    outbox = Outbox(store.database)
    asking = Asking(account=request.owner, place=request.place)
    return {
        "add": lambda: store.requests.add(request, jobs),
        "add within limits": lambda: store.requests.add(request, jobs, asking),
        "begin": lambda: store.requests.begin(request.id, asking),
        "finish_job": lambda: store.requests.finish_job(jobs[0].id, pictures, 1.5, 3.0),
        "fail_job": lambda: store.requests.fail_job(jobs[1].id, "no"),
        "cancel": lambda: store.requests.cancel(request.id),
        "end": lambda: store.requests.end(request.id, State.FAILED, "no"),
        "sent": lambda: outbox.sent(request.id, DeliveryKind.ACKNOWLEDGE, "m2"),
        "again": lambda: outbox.again(request.id, DeliveryKind.ACKNOWLEDGE, 5.0, "later"),
        "dead": lambda: outbox.dead(request.id, DeliveryKind.RESULT, "blocked"),
        "redirect": lambda: outbox.redirect(request.id, "web:elsewhere", "there"),
        "delete": lambda: store.requests.delete(request.id),
    }


async def _lead_up_to(
    step: str, store: Store, request: NewRequest, jobs: list[NewJob], pictures: list[NewPicture]
) -> None:
    """What must have happened before."""
    if step.startswith("add"):
        return
    offered = replace(request, state=State.OFFERED) if step == "begin" else request
    await store.requests.add(offered, jobs)
    if step in ("begin", "finish_job"):
        return
    await store.requests.finish_job(jobs[0].id, pictures, 1.5)
    outbox = Outbox(store.database)
    if step in ("dead", "redirect"):
        await store.requests.end(request.id, State.DONE, "")
    if step == "redirect":
        await outbox.ambiguous(request.id, DeliveryKind.RESULT, "who knows")
    if step == "delete":
        await outbox.sent(request.id, DeliveryKind.ACKNOWLEDGE, "m1")


@pytest.mark.parametrize(
    "step",
    [
        *("add", "add within limits", "begin", "finish_job", "fail_job", "cancel", "end"),
        *("sent", "again", "dead", "redirect", "delete"),
    ],
)
async def test_whichever_statement_fails_the_step_has_not_happened(
    store: Store, monkeypatch: pytest.MonkeyPatch, step: str
) -> None:
    """The n-th statement of each step fails, for every n until none is left to fail."""
    request = remembered.request()
    jobs = [remembered.job(request, ordinal) for ordinal in (1, 2)]
    pictures = [await remembered.picture(store.pictures, 1, remembered.recipe(), is_animated=True)]
    await _lead_up_to(step, store, request, jobs, pictures)
    steps = _steps(store, request, jobs, pictures)
    before = await _everything(store)
    n_failures = 0
    while refusal := await _refusal(monkeypatch, steps[step], n_failures):
        assert "reports an error" in refusal
        assert await _everything(store) == before
        n_failures += 1
    assert n_failures >= 2
    assert await _everything(store) != before


async def _refusal(
    monkeypatch: pytest.MonkeyPatch, step: Callable[[], Awaitable[object]], n_statements: int
) -> str | None:
    """What is said when a step breaks after so many statements; None if it needed no more."""
    with monkeypatch.context() as patched:
        _fail_after(patched, n_statements)
        try:
            await step()
        except StorageError as exc:
            return str(exc)
    return None


def _fail_after(patched: pytest.MonkeyPatch, n_statements: int) -> None:
    """So many statements of steps work, the next one reports an I/O error."""
    left = n_statements
    rows, run_many = Writing.rows, Writing.run_many

    def count() -> None:
        nonlocal left
        left -= 1
        if left < 0:
            exc = sqlite3.OperationalError("disk I/O error")
            exc.sqlite_errorcode = sqlite3.SQLITE_IOERR
            raise exc

    async def counted_rows(writing: Writing, sql: str, **values: object) -> list[Row]:
        count()
        return await rows(writing, sql, **values)

    async def counted_run_many(writing: Writing, sql: str, values: Iterable[Values]) -> None:
        count()
        await run_many(writing, sql, values)

    patched.setattr(Writing, "rows", counted_rows)
    patched.setattr(Writing, "run_many", counted_run_many)


@pytest.mark.parametrize("call", ["os.fsync", "pathlib.Path.replace", "pathlib.Path.mkdir"])
async def test_a_picture_that_cannot_be_written_is_not_there_at_all(
    store: Store, monkeypatch: pytest.MonkeyPatch, tmp_path: Path, call: str
) -> None:
    """A full disk while a file is synced, named or given a folder: one sentence, no row, no part; then it works."""

    def fail(*_: object, **__: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patched:
        patched.setattr(call, fail)
        with pytest.raises(StorageError, match="The disk is full"):
            await store.pictures.put(b"picture", "image/png")
    assert [each for each in (tmp_path / "pictures").rglob("*") if each.is_file()] == []
    file_hash = await store.pictures.put(b"picture", "image/png")
    assert await store.pictures.read(file_hash) == b"picture"
