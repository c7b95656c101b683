import asyncio
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from engine.errors import StorageError, UserError
from storage import database as database_module
from storage import migrate
from storage.database import CHECKPOINT_EVERY, Database
from storage.statements import Reading, Writing
from storage.store import DATABASE_NAME, open_store
from tests.fakes.inline_sqlite import InlineConnection

NOTE = "INSERT INTO chores (name) VALUES (:name)"

NOW = max(migrate.migrations())  # our version


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "a b?.sqlite")
    yield opened
    await opened.close()


class Step:
    """Writes one row; may wait in the middle of its transaction, or trip there."""

    def __init__(self, name: str, exc: Exception | None = None) -> None:
        self.name = name
        self.exc = exc
        self.is_inside = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def __call__(self, writing: Writing) -> None:
        await writing.rows(NOTE, name=self.name)
        self.is_inside.set()
        await self.may_go_on.wait()
        if self.exc:
            raise self.exc


def log_bytes(database: Path) -> int:
    return database.with_name(database.name + "-wal").stat().st_size


def left_since(before: set[threading.Thread]) -> list[threading.Thread]:
    """Threads of connections that do not end, though they were told to."""
    new = [thread for thread in set(threading.enumerate()) - before if "connection_worker" in thread.name]
    for thread in new:
        thread.join(10)
    return [thread for thread in new if thread.is_alive()]


def files_in(folder: Path) -> list[str]:
    return sorted(each.name for each in folder.iterdir())


async def names(reading: Reading) -> list[str]:
    return [row[0] for row in await reading.rows("SELECT name FROM chores ORDER BY name")]


async def test_what_was_written_is_there_for_readers_and_after_reopening(tmp_path: Path) -> None:
    """In a file whose name needs quoting as a URI."""
    found: list[str] = []
    for name in ("one", "two"):
        database = await Database.open(tmp_path / "a %20b?#.sqlite")
        await database.write(Step(name))
        found = await database.read(names)
        await database.close()
    assert found == ["one", "two"]
    assert files_in(tmp_path) == ["a %20b?#.sqlite"]


async def test_a_step_that_raises_leaves_nothing(database: Database) -> None:
    """Its own error comes to the caller; the next step goes on."""
    with pytest.raises(UserError, match="no"):
        await database.write(Step("one", UserError("no")))
    await database.write(Step("two"))
    assert await database.read(names) == ["two"]


async def test_a_cancelled_caller_leaves_the_step_to_end_and_the_connection_free(database: Database) -> None:
    """Cancelled between BEGIN and COMMIT, where a shared connection would stay in a transaction."""
    step = Step("one")
    step.may_go_on.clear()
    caller = asyncio.create_task(database.write(step))
    await step.is_inside.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    step.may_go_on.set()
    await database.write(Step("two"))
    assert await database.read(names) == ["one", "two"]


async def test_a_step_that_fails_after_its_caller_left_is_no_unheard_exception(database: Database) -> None:
    """It leaves nothing, and nobody stumbles over it."""
    step = Step("one", UserError("no"))
    step.may_go_on.clear()
    caller = asyncio.create_task(database.write(step))
    await step.is_inside.wait()
    caller.cancel()
    await asyncio.gather(caller, return_exceptions=True)
    step.may_go_on.set()
    await database.write(Step("two"))
    assert await database.read(names) == ["two"]


@pytest.mark.parametrize("n_yields", range(12))
async def test_a_caller_may_be_cancelled_at_any_moment(database: Database, n_yields: int) -> None:
    """A crowd of writers, half of them cancelled after so many turns of the loop: the rest is all there."""
    tasks = [asyncio.create_task(database.write(Step(f"{number:02}"))) for number in range(20)]
    for _ in range(n_yields):
        await asyncio.sleep(0)
    for task in tasks[::2]:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await database.write(Step("last"))
    assert {f"{number:02}" for number in range(1, 20, 2)} <= set(await database.read(names))


async def test_a_cancelled_query_frees_its_connection(database: Database) -> None:
    """A long one is interrupted, so that two of them do not stop everybody."""
    forever = "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n) SELECT count(*) FROM n"
    has_begun = asyncio.Event()

    async def ask(reading: Reading) -> None:
        has_begun.set()
        await reading.rows(forever)

    for _ in range(4):
        caller = asyncio.create_task(database.read(ask))
        await has_begun.wait()
        caller.cancel()
        await asyncio.gather(caller, return_exceptions=True)
        has_begun.clear()
    assert await database.read(names) == []


async def test_readers_cannot_write(database: Database) -> None:
    """Their connection refuses it."""

    async def ask(reading: Reading) -> None:
        await reading.rows(NOTE, name="one")

    with pytest.raises(StorageError, match="may not be written"):
        await database.read(ask)


async def test_an_error_of_sqlite_never_comes_through_bare(database: Database) -> None:
    """Neither from a step nor from a query; the original is its cause."""
    await database.write(Step("one"))
    with pytest.raises(StorageError, match="refused a step") as caught:
        await database.write(Step("one"))
    assert isinstance(caught.value.__cause__, sqlite3.IntegrityError)


async def test_closing_ends_every_thread_and_every_step_before_it(tmp_path: Path) -> None:
    """Steps that were ordered are done; later ones and queries are refused in a sentence."""
    before = set(threading.enumerate())
    database = await Database.open(tmp_path / "a.sqlite")
    ordered = [asyncio.create_task(database.write(Step(str(number)))) for number in range(5)]
    await asyncio.sleep(0)
    await asyncio.gather(database.close(), database.close())
    await asyncio.gather(*ordered)
    for asked in (database.write(Step("late")), database.read(names)):
        with pytest.raises(StorageError, match="is closed"):
            await asked
    assert left_since(before) == []
    assert not (tmp_path / "a.sqlite-wal").exists()


async def test_a_query_that_is_overtaken_by_closing_is_a_sentence(tmp_path: Path) -> None:
    """Between two of its statements, or while it waits for a connection; nobody waits for ever."""
    database = await Database.open(tmp_path / "a.sqlite")
    may_go_on = asyncio.Event()

    async def ask(reading: Reading) -> list[str]:
        await may_go_on.wait()
        return await names(reading)

    asked = [asyncio.create_task(database.read(ask)) for _ in range(4)]
    await asyncio.sleep(0)
    await database.close()
    may_go_on.set()
    answers = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(each) for each in answers} == {StorageError}
    assert all("is closed" in str(each) for each in answers)


async def test_cancelling_the_writer_itself_loses_no_caller_and_no_thread(tmp_path: Path) -> None:
    """As a loop that is being torn down does: everybody gets a sentence, and closing still ends the threads."""
    before = set(threading.enumerate())
    database = await Database.open(tmp_path / "a.sqlite")
    step = Step("one")
    step.may_go_on.clear()
    callers = [asyncio.create_task(database.write(each)) for each in (step, Step("two"))]
    await step.is_inside.wait()
    database._writing.cancel()
    answers = await asyncio.gather(*callers, return_exceptions=True)
    assert [type(each) for each in answers] == [StorageError, StorageError]
    await database.close()
    assert left_since(before) == []
    again = await Database.open(tmp_path / "a.sqlite")
    assert await again.read(names) == []
    await again.close()


async def test_closing_that_is_cancelled_still_ends_the_threads(tmp_path: Path) -> None:
    """Nobody has to be patient for the process to be able to exit."""
    database = await Database.open(tmp_path / "a.sqlite")
    opened: list[Any] = [*database._readers, database._writer]
    threads = [connection._thread for connection in opened]
    closing = asyncio.create_task(database.close())
    await asyncio.sleep(0)
    closing.cancel()
    await asyncio.gather(closing, return_exceptions=True)
    for thread in threads:
        await asyncio.to_thread(thread.join, 10)
    assert not any(thread.is_alive() for thread in threads)


async def test_the_log_is_taken_into_the_database_now_and_then(database: Database) -> None:
    """Without it the log would grow for ever: nobody else makes checkpoints."""
    for number in range(CHECKPOINT_EVERY):
        await database.write(Step(f"{number:04}"))
    size = log_bytes(database.path)
    for number in range(CHECKPOINT_EVERY - 1):
        await database.write(Step(f"{number + CHECKPOINT_EVERY:04}"))
    assert log_bytes(database.path) == size
    await database.flush()
    assert log_bytes(database.path) == 0


async def test_the_settings_are_the_safe_ones(database: Database) -> None:
    """An acknowledged write outlives a power cut; what is deleted is overwritten."""
    wanted = {"journal_mode": "wal", "synchronous": 2, "secure_delete": 1, "foreign_keys": 1, "wal_autocheckpoint": 0}

    async def step(writing: Writing) -> dict[str, object]:
        return {name: await writing.value(f"PRAGMA {name}") for name in wanted}

    assert await database.write(step) == wanted


async def test_a_database_may_be_asked_where_it_is_awaited(tmp_path: Path) -> None:
    """With connections of somebody else's, such as a simulator's: no thread, the same answers."""
    before = set(threading.enumerate())

    async def connect(uri: str) -> Any:
        return InlineConnection(uri)

    async with open_store(tmp_path, clock=lambda: 1_800_000_000.0, connect=connect) as store:
        assert [thread for thread in set(threading.enumerate()) - before if "connection_worker" in thread.name] == []
        await store.acts.note("e:1", "discord:1", "yes")
        assert await store.acts.answered("e:1") == "yes"
        with pytest.raises(UserError, match="no"):
            await store.database.write(Step("one", UserError("no")))
        assert await store.database.read(names) == []
    connection = sqlite3.connect(tmp_path / DATABASE_NAME)
    assert connection.execute("SELECT first_ms FROM people").fetchall() == [(1_800_000_000_000,)]
    connection.close()


async def test_rewriting_keeps_what_is_there_and_drops_what_was(database: Database) -> None:
    """A step beside it waits; readers need not."""
    for number in range(300):
        await database.write(Step(f"{number:04} " + "x" * 500))

    async def step(writing: Writing) -> None:
        await writing.rows("DELETE FROM chores WHERE name >= '0010'")

    await database.write(step)
    size = database.path.stat().st_size
    await asyncio.gather(database.rewrite(), database.write(Step("later")), database.read(names))
    assert len(await database.read(names)) == 11
    assert database.path.stat().st_size < size - 100_000


# Another program has it


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Wait a moment, not five seconds."""
    monkeypatch.setattr(database_module, "_BUSY_TIMEOUT_S", 0.05)


@pytest.mark.usefixtures("impatient")
async def test_a_database_that_another_program_writes_is_a_sentence_and_nothing_is_half_written(tmp_path: Path) -> None:
    """A shell with a transaction left open: nothing is written while it lasts, everything afterwards."""
    database = await Database.open(tmp_path / "a.sqlite")
    other = sqlite3.connect(tmp_path / "a.sqlite", isolation_level=None)
    other.execute("BEGIN IMMEDIATE")
    other.execute("INSERT INTO chores (name) VALUES ('theirs')")
    for _ in range(3):
        with pytest.raises(StorageError, match="Another program holds the database"):
            await database.write(Step("ours"))
    assert await database.read(names) == []
    other.execute("COMMIT")
    other.close()
    await database.write(Step("ours"))
    assert await database.read(names) == ["ours", "theirs"]
    await database.close()


@pytest.mark.usefixtures("impatient")
async def test_a_database_that_another_program_has_to_itself_cannot_be_opened(tmp_path: Path) -> None:
    """Also one whose tables would have to be brought up to date: it stays as it was."""
    path = await _made(tmp_path / "a.sqlite")
    other = sqlite3.connect(path, isolation_level=None)
    other.execute("PRAGMA locking_mode = EXCLUSIVE")
    other.execute("BEGIN EXCLUSIVE")
    before = set(threading.enumerate())
    with pytest.raises(StorageError, match="Another program holds the database"):
        await Database.open(path)
    assert left_since(before) == []
    other.close()
    database = await Database.open(path)
    assert len(await database.read(names)) == 200
    await database.close()


# Files that are not as they should be


async def _refused(path: Path, words: str) -> None:
    """Opening says so, leaves no thread and does not touch the file."""
    before = await asyncio.to_thread(path.read_bytes)
    threads = set(threading.enumerate())
    with pytest.raises(StorageError, match=words):
        await Database.open(path)
    assert await asyncio.to_thread(path.read_bytes) == before
    assert left_since(threads) == []


async def _made(path: Path) -> Path:
    database = await Database.open(path)
    for number in range(200):
        await database.write(Step(f"{number} " + "x" * 500))
    await database.close()
    return path


async def test_a_file_that_is_no_database_is_refused_and_kept(tmp_path: Path) -> None:
    """A picture under the wrong name, say."""
    path = tmp_path / "a.sqlite"
    path.write_bytes(b"\x89PNG" + bytes(5_000))
    await _refused(path, "is no Darkroom database")


async def test_another_programs_database_is_refused_and_kept(tmp_path: Path) -> None:
    """Before its first table of ours, and also where it counts versions too."""
    for version in (0, 1):
        path = tmp_path / f"{version}.sqlite"
        connection = sqlite3.connect(path)
        connection.execute("CREATE TABLE recipes (id)")
        connection.execute(f"PRAGMA user_version = {version}")
        connection.commit()
        connection.close()
        await _refused(path, "belongs to another program")


@pytest.mark.parametrize("where", ["the first page", "the middle", "the end is missing"])
async def test_a_damaged_database_is_refused_and_kept(tmp_path: Path, where: str) -> None:
    """Never repaired by guessing, never made anew in its place."""
    path = await _made(tmp_path / "a.sqlite")
    content = bytearray(path.read_bytes())
    if where == "the end is missing":
        content = content[: len(content) // 2]
    else:
        start = 200 if where == "the first page" else len(content) // 2
        content[start : start + 40_000] = b"\x5a" * len(content[start : start + 40_000])
    path.write_bytes(content)
    await _refused(path, "is damaged")


async def test_a_newer_database_is_refused_and_kept(tmp_path: Path) -> None:
    """It says which version it knows, and to update."""
    path = await _made(tmp_path / "a.sqlite")
    connection = sqlite3.connect(path)
    connection.execute("PRAGMA user_version = 999")
    connection.close()
    await _refused(path, rf"newer Darkroom \(its version is 999, this one knows {NOW}\): update")


async def test_a_folder_in_the_place_of_the_database_is_refused(tmp_path: Path) -> None:
    """In a sentence."""
    (tmp_path / "a.sqlite").mkdir()
    with pytest.raises(StorageError, match="cannot be opened"):
        await Database.open(tmp_path / "a.sqlite")


# Migrations


def _with(folder: Path, sql: str) -> Path:
    """Our migrations and one more."""
    shutil.copytree(migrate.FOLDER, folder)
    (folder / f"{NOW + 1:04}_more.sql").write_text(sql)
    return folder


async def test_an_older_database_is_copied_and_brought_up_to_date(tmp_path: Path) -> None:
    """The copy is whole, and of the version before."""
    path = await _made(tmp_path / "a.sqlite")
    newer = _with(tmp_path / "m", "CREATE TABLE more (id INTEGER) STRICT;")
    database = await Database.open(path, newer)
    assert len(await database.read(names)) == 200
    await database.close()
    copy = sqlite3.connect(tmp_path / f"a-version-{NOW:04}.sqlite")
    assert copy.execute("PRAGMA user_version").fetchone() == (NOW,)
    assert copy.execute("SELECT count(*) FROM chores").fetchone() == (200,)
    assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
    copy.close()
    assert files_in(tmp_path) == [f"a-version-{NOW:04}.sqlite", "a.sqlite", "m"]


@pytest.mark.parametrize("broken", ["INSERT INTO nowhere VALUES (1);", "CREATE TABLE half ("])
async def test_a_migration_that_fails_leaves_everything_as_it_was(tmp_path: Path, broken: str) -> None:
    """The old tables, the old version and a copy; the older program still opens it."""
    path = await _made(tmp_path / "a.sqlite")
    newer = _with(tmp_path / "m", f"DELETE FROM chores; {broken}")
    said = rf"could not be brought to version {NOW + 1}.*It is as it was.*a-version-{NOW:04}"
    with pytest.raises(StorageError, match=said):
        await Database.open(path, newer)
    database = await Database.open(path)
    assert len(await database.read(names)) == 200
    await database.close()


def test_no_migration_ends_its_own_transaction() -> None:
    """Each runs in one, so that it happens or does not."""
    for file in migrate.migrations().values():
        words = file.read_text().upper()
        assert not {"COMMIT", "BEGIN", "ROLLBACK", "PRAGMA"} & set(words.replace(";", " ").split())


# From version 1, with what people had in it

_FIRST_ROWS = """
INSERT INTO people (id, owner, name, first_ms, last_ms, n_pictures, gpu_s) VALUES
  (1, 'web:operator', 'Op', 1, 2, 3, 4.5);
INSERT INTO places (id, place, first_ms, last_ms) VALUES (1, 'web:page', 1, 2);
INSERT INTO files (id, hash, media_type, n_bytes, stored_ms, n_unclaimed) VALUES
  (1, zeroblob(32), 'image/png', 9, 1, 0);
INSERT INTO sessions VALUES ('hash', 'web:operator', 'Op', 9000000000000);
INSERT INTO speeds VALUES (0, 'pocket', 64, 64, '[0.5]');
WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 3000)
INSERT INTO requests (no, id, event_key, person, place, reply_to, asker, kind, words, state, sentence, created_ms)
  SELECT i, printf('id%08d', i), 'w:' || i, 1, 1, 'm', 'Op', 'imagine', '/imagine ' || i,
  iif(i % 3, 'done', 'waiting'), '', i FROM n;
INSERT INTO jobs (no, id, request, ordinal, first_number, label, recipe, n_pictures, state, gpu_s)
  SELECT no, id || '-1', no, 1, 1, '', '{"prompt": "a cat", "model": "pocket", "seed": 7, "steps": 4, "guidance": 1.0,
  "sampler": "euler", "width_px": 64, "height_px": 64}', 1, state, 1.5 FROM requests;
INSERT INTO pictures (request, job, number, person, place, recipe, label, pixel_hash, file, thumbnail, width_px,
  height_px, gpu_s, created_ms) SELECT no, no, 1, 1, 1, recipe, '', zeroblob(32), 1, 1, 64, 64, 1.5, no FROM jobs
  WHERE state = 'done';
INSERT INTO search (rowid, tokens) SELECT id, '1_a 1_c 1_ca 1_cat' FROM pictures;
UPDATE people SET n_pictures = 2000;
"""
_OLD_TABLES = ("people", "places", "files", "requests", "jobs", "pictures", "sessions", "speeds", "chores", "links")


def _of_version_1(path: Path) -> dict[str, list[tuple[Any, ...]]]:
    """A database as the first Darkroom left it; returns its rows."""
    connection = sqlite3.connect(path, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    connection.executescript(migrate.migrations()[1].read_text())
    connection.execute(f"PRAGMA application_id = {migrate.APPLICATION_ID}")
    connection.execute("PRAGMA user_version = 1")
    connection.executescript(f"BEGIN; {_FIRST_ROWS} COMMIT;")
    rows = {table: connection.execute(f"SELECT * FROM {table} ORDER BY 1").fetchall() for table in _OLD_TABLES}
    connection.close()
    return rows


def _rows_now(path: Path, before: dict[str, list[tuple[Any, ...]]]) -> dict[str, list[tuple[Any, ...]]]:
    """The same columns of the same tables; new columns come last."""
    connection = sqlite3.connect(path)
    assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
    assert connection.execute("PRAGMA foreign_key_check").fetchall() == []
    now = {
        table: [
            row[: len(rows[0]) if rows else None] for row in connection.execute(f"SELECT * FROM {table} ORDER BY 1")
        ]
        for table, rows in before.items()
    }
    connection.close()
    return now


async def test_what_version_1_held_is_all_there_and_goes_on(tmp_path: Path) -> None:
    """Every row as it was; what waited still waits, owners are themselves, the search finds."""
    before = await asyncio.to_thread(_of_version_1, tmp_path / DATABASE_NAME)
    async with open_store(tmp_path) as store:
        found = await store.people.find("web:operator")
        assert found
        assert (found.owner, found.accounts, found.is_operator, found.is_allowed) == (
            "web:operator", ("web:operator",), False, None,
        )  # fmt: skip
        assert len(await store.requests.unfinished()) == 1_000
        assert await store.history.count("web:operator", "cat") == 2_000
        assert await store.tuning.all_of("") == {"tier": "member"}
        assert await store.outbox.counts() == {} or not any((await store.outbox.counts()).values())
    assert await asyncio.to_thread(_rows_now, tmp_path / DATABASE_NAME, before) == before


def test_a_migration_that_is_killed_leaves_a_database_that_opens(tmp_path: Path) -> None:
    """At whatever moment: the next start brings it up to date, and no row is lost."""
    program = "import asyncio, pathlib, sys; from storage.database import Database\n"
    program += "print(flush=True); asyncio.run(Database.open(pathlib.Path(sys.argv[1])))"
    luck = random.Random()
    for number in range(5):
        path = tmp_path / f"{number}" / DATABASE_NAME
        path.parent.mkdir()
        before = _of_version_1(path)
        with subprocess.Popen(
            [sys.executable, "-c", program, str(path)], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
        ) as process:
            assert process.stdout
            process.stdout.readline()
            try:
                process.wait(luck.uniform(0.0, 0.12))
            except subprocess.TimeoutExpired:
                process.kill()
        asyncio.run(_opened_and_closed(path))
        assert _rows_now(path, before) == before


async def _opened_and_closed(path: Path) -> None:
    await (await Database.open(path)).close()
