"""Somebody wants to be forgotten: no byte of theirs is left in any file, and nobody else loses one."""

import asyncio
import contextlib
import sqlite3
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import StorageError
from storage import forgetting
from storage.accounts import FORGOTTEN
from storage.asking import Asking, NotAdmitted
from storage.changes import Act, Allow, Ban, Change, Grant, Link, MakeOperator, Set
from storage.database import Database
from storage.forgetting import REWRITE_EVERY_S, Forgotten
from storage.pictures import PictureFiles
from storage.records import NewJob, NewRequest, State
from storage.secret import KEY_NAME
from storage.statements import Reading, Writing
from storage.store import DATABASE_NAME, Store, open_store
from tests.fakes import remembered

ADA, ADA_TOO, BOB = "telegram:777000111", "discord:888000222", "discord:999000333"
# What must be in no file afterwards: words, names, accounts, the platforms' numbers of them and of their messages.
MARKS = (
    b"zephyranthes", b"zephyr", b"quuxquux", b"Adalovelace", b"telegram:777000111", b"777000111", b"discord:888000222",
    b"888000222", b"message-of-ada", b"event-of-ada", b"remote-of-ada", b"reason-of-ada", b"answer-of-ada",
    b"looks-of-ada", b"private-of-ada",
)  # fmt: skip


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path, clock=lambda: remembered.NOW_S) as opened:
        yield opened


async def do(store: Store, event_key: str, *changes: Change, **other: Any) -> None:
    act = Act(
        event_key=event_key, actor="web:operator", actor_name="Op", place="", act="test", answer="done", changes=changes
    )
    await store.acts.do(replace(act, **other))


def asked(account: str, number: int, place: str, words: str) -> NewRequest:
    whose = "ada" if account in (ADA, ADA_TOO) else "bob"
    return replace(
        remembered.request(owner=account, words=words, key=f"event-of-{whose}-{account}-{number}"),
        asker="Adalovelace" if whose == "ada" else "Bob",
        place=place,
        reply_to=f"{account}-message-of-{whose}-{number}",
    )


async def draw(store: Store, new: NewRequest, prompt: str, seed: int) -> None:
    """A request that was asked, drawn and told, with a picture of its own and a source that was given."""
    source = await store.pictures.put(f"source {prompt} {seed}".encode(), "image/png")
    what = remembered.recipe(prompt, negative=f"no {prompt}", seed=seed)
    job: NewJob = replace(remembered.job(new, what=what, source_file=source), cost=1.0)
    asking = Asking(account=new.owner, place=new.place, is_exempt=True)
    await store.requests.add(new, [job], asking)
    picture = await remembered.picture(store.pictures, 1, what, is_animated=True)
    await store.requests.finish_job(job.id, [picture], 1.5)
    await store.requests.note_remote(new.id, f"remote-of-{new.asker.lower()[:3]}-{new.id}")
    await store.requests.end(new.id, State.DONE, f"Here: {prompt}")


async def live(store: Store, n: int = 12) -> None:
    """Ada on two platforms and Bob, side by side: what they drew, set, said and did."""
    for number in range(n):
        pad = f"{'zephyranthes ' * (number % 7)}quuxquux"
        await draw(store, asked(ADA, number, ADA, pad), pad, number)
        await draw(store, asked(ADA_TOO, number, "discord:55:66", pad), pad, 1_000 + number)
        await draw(store, asked(BOB, number, "discord:55:66", f"heron {number}"), f"heron {number}", number)
    await do(store, "event-of-ada-1", Link(head=ADA, account=ADA_TOO), actor=ADA, actor_name="Adalovelace")
    await do(store, "event-of-ada-2", Set(subject=f"account:{ADA}", key="style", value="looks-of-ada"), actor=ADA_TOO)
    await do(
        store, "event-of-admin", Ban(account=ADA, place="discord:55", reason="reason-of-ada", until_s=None),
        Set(subject=f"account:{ADA}", key="daily", value="7"),
        Set(subject="place:discord:55:66", key="size", value="64"),
        Set(subject=f"place:{ADA}", key="size", value="64"), Set(subject="", key="log", value=f"{ADA} 777000111"),
        target=ADA, words="reason-of-ada", answer="Adalovelace (telegram:777000111) is banned: answer-of-ada",
    )  # fmt: skip
    await do(store, "event-of-admin-2", words="told discord:888000222 to behave", answer="Adalovelace was told")
    await do(store, "b:1", Ban(account=BOB, place="", reason="private-of-ada", until_s=None), actor=ADA, place=ADA)
    await do(store, "b:2", Set(subject=f"account:{BOB}", key="size", value="96"), actor=BOB, actor_name="Bob")
    await store.codes.make("link", "code", ADA_TOO, 600)
    for account in (ADA, BOB):
        await store.sessions.add(f"session {account}", account, "Adalovelace" if account == ADA else "Bob", 2e9)
        await store.sessions.add_link(f"link {account}", account, "Adalovelace" if account == ADA else "Bob", 2e9)
    await store.acts.note("event-of-ada-3", ADA, "answer-of-ada")


def _files_in(folder: Path) -> list[Path]:
    return [file for file in folder.rglob("*") if file.is_file()]


def marks_in(folder: Path) -> set[tuple[str, bytes]]:
    return {(file.name, mark) for file in _files_in(folder) for mark in MARKS if mark in file.read_bytes()}


async def rows(store: Store, sql: str, **values: object) -> list[tuple[Any, ...]]:
    async def ask(reading: Reading) -> list[tuple[Any, ...]]:
        return await reading.rows(sql, **values)

    return await store.database.read(ask)


async def everything_of(store: Store, account: str) -> list[object]:
    """Whatever is kept of one account, row by row."""
    of_person = "person = (SELECT id FROM people WHERE owner = :owner)"
    return [
        *[
            await rows(store, f"SELECT * FROM {table} WHERE {of_person}", owner=account)
            for table in ("requests", "pictures", "charges", "inbox", "codes")
        ],
        await rows(store, "SELECT * FROM people WHERE owner = :owner", owner=account),
        await rows(store, "SELECT * FROM sessions WHERE owner = :owner", owner=account),
        await rows(
            store, f"SELECT * FROM jobs WHERE request IN (SELECT no FROM requests WHERE {of_person})", owner=account
        ),
        await rows(
            store, f"SELECT * FROM outbox WHERE request IN (SELECT no FROM requests WHERE {of_person})", owner=account
        ),
        await store.tuning.all_of(f"account:{account}"),
        await store.history.search(account, "her", None, 100),
        sorted(
            file.name
            for file in await asyncio.to_thread(_files_of, store, await store.history.search(account, "", None, 100))
        ),
    ]


def _files_of(store: Store, pictures: Any) -> list[Path]:
    return [path for picture in pictures if (path := store.pictures.path(picture.file_hash)).is_file()]


async def test_not_a_byte_is_left_and_nobody_else_loses_one(store: Store, tmp_path: Path) -> None:
    """Somebody with two accounts: not in the database, its log, the pictures, nor a copy from before a migration."""
    await live(store)
    (tmp_path / "darkroom-version-0001.sqlite").write_bytes(b"telegram:777000111 asked for zephyranthes")
    assert {mark for _file, mark in await asyncio.to_thread(marks_in, tmp_path)} == set(MARKS) - {b"zephyr"} | {
        b"zephyr"
    }
    before = await everything_of(store, BOB)
    bobs_files = before[-1]
    forgotten = await store.forgetting.forget(ADA_TOO)
    assert len(forgotten.hashes) == 12 * 2 * 4  # picture, thumbnail, animation, source
    assert forgotten == Forgotten(hashes=forgotten.hashes)
    assert await asyncio.to_thread(marks_in, tmp_path) == set()
    assert await everything_of(store, BOB) == before
    assert len(bobs_files) == 12  # type: ignore[arg-type] # it is a list
    left = await asyncio.to_thread(_files_in, tmp_path / "pictures")
    assert len(left) == 12 * 4
    assert await store.history.search(ADA, "", None, 9) == ()
    assert await rows(store, "SELECT count(*) FROM requests") == [(12,)]
    assert await rows(store, "PRAGMA foreign_key_check") == []


async def test_no_byte_is_left_where_many_pages_were_moved_about(store: Store, tmp_path: Path) -> None:
    """Enough rows for the tables' trees to grow, split and shrink."""
    for number in range(80):
        pad = f"{'zephyranthes ' * (number % 40)}quuxquux"
        await draw(store, asked(ADA, number, ADA, pad), pad, number)
        if number % 2:
            (last,) = await store.requests.conversation(ADA, None, None, 1)
            await store.pictures.forget(await store.requests.delete(last.id))
            await draw(store, asked(BOB, number, "discord:55:66", "heron " * number), f"heron {number}", number)
    await store.forgetting.forget(ADA)
    assert await asyncio.to_thread(marks_in, tmp_path) == set()
    assert await store.history.count(BOB, "heron") == 40


async def test_what_must_outlive_it_holds_again_when_they_come_back(store: Store) -> None:
    """A ban, being kept out, today's use, an admin's limit and the audit: by a hash, on both of their accounts."""
    await live(store, 3)
    await do(store, "e:1", Allow(account=ADA, is_allowed=False), MakeOperator(account=ADA, is_operator=True))
    await do(store, "e:2", Grant(account=ADA_TOO, cost=2))
    acts = (await store.audit.page(1))[1]
    await store.forgetting.forget(ADA)
    owners = [row[0] for row in await rows(store, "SELECT owner FROM people WHERE name = '' ORDER BY id")]
    assert len([owner for owner in owners if owner.startswith(FORGOTTEN)]) == 2
    assert (await store.audit.page(1))[1] == acts
    assert await store.people.links() == {}
    assert await store.people.operators() == frozenset()
    for account in (ADA, ADA_TOO):
        held = await store.people.is_banned(account, "discord:55:66")
        assert held
        assert held.reason == ""
        with pytest.raises(NotAdmitted):
            await store.requests.add(
                asked(account, 99, "discord:55:66", "new"), [], Asking(account=account, place="discord:55:66")
            )
        found = await store.people.find(account)
        assert found
        assert (found.is_allowed, found.accounts, found.n_pictures) == (False, (account,), 0)
        standing = await store.ledger.standing(account, "web:page", (), is_exempt=False)
        assert (standing.used, standing.limits.daily) == (6, 7)
        await draw(store, asked(account, 100, "web:page", "new"), "new", 1)
        again = await store.people.find(account)
        assert again
        assert (again.name, again.n_pictures) == ("Adalovelace", 1)
        assert await store.people.is_banned(account, "discord:55:66")


async def test_forgetting_again_or_nobody_does_nothing(store: Store) -> None:
    """Neither somebody unknown nor somebody who is forgotten already, nor by what stands in their place."""
    await draw(store, asked(ADA, 1, ADA, "words"), "words", 1)
    assert await store.forgetting.forget("telegram:5") == Forgotten()
    assert len((await store.forgetting.forget(ADA)).hashes) == 4
    before = await rows(store, "SELECT * FROM people")
    assert await store.forgetting.forget(ADA) == Forgotten()
    assert await store.forgetting.forget(before[0][1]) == Forgotten()
    assert await rows(store, "SELECT * FROM people") == before


async def test_what_a_kill_interrupts_the_next_start_ends(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who they are is gone at once; their requests and files at the latest with the next start."""
    async with open_store(tmp_path, clock=lambda: remembered.NOW_S) as store:
        await live(store, 8)
        monkeypatch.setattr(forgetting, "_BATCH", 3)
        delete = store.forgetting._delete_ordered
        n_batches = 0

        async def killed(writing: Writing) -> frozenset[str] | None:
            nonlocal n_batches
            n_batches += 1
            if n_batches == 3:
                raise asyncio.CancelledError
            return await delete(writing)

        monkeypatch.setattr(store.forgetting, "_delete_ordered", killed)
        forgetting_ada = asyncio.ensure_future(store.forgetting.forget(ADA))
        await asyncio.wait((forgetting_ada,))
        assert await rows_of_file(tmp_path, "SELECT count(*) FROM people WHERE owner = 'telegram:777000111'") == 0
        assert await rows_of_file(tmp_path, "SELECT count(*) FROM requests") == 8 + 16 - 6
    async with open_store(tmp_path, clock=lambda: remembered.NOW_S) as store:
        assert await rows(store, "SELECT count(*) FROM requests") == [(8,)]
        await store.forgetting.tidy()  # the words in the index, the log and the file, as it does in the background
        assert await asyncio.to_thread(marks_in, tmp_path) == set()
        assert len(await asyncio.to_thread(_files_in, tmp_path / "pictures")) == 32


async def rows_of_file(folder: Path, sql: str) -> int:
    """Asked with a connection of another program."""
    connection = sqlite3.connect(folder / DATABASE_NAME)
    try:
        return int(connection.execute(sql).fetchone()[0])
    finally:
        connection.close()


async def test_who_comes_back_before_the_end_keeps_what_is_new(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    """Only what was asked before is deleted."""
    await live(store, 2)
    delete = store.forgetting._delete_ordered
    new = asked(ADA, 50, "web:page", "after")

    async def returning(writing: Writing) -> frozenset[str] | None:
        monkeypatch.setattr(store.forgetting, "_delete_ordered", delete)
        coming.append(asyncio.ensure_future(draw(store, new, "after", 5)))
        return await delete(writing)

    coming: list[asyncio.Future[None]] = []
    monkeypatch.setattr(store.forgetting, "_delete_ordered", returning)
    await store.forgetting.forget(ADA)
    await asyncio.gather(*coming)
    assert [row.request for row in await store.history.search(ADA, "", None, 9)] == [new.id]
    await store.forgetting.resume()
    assert await store.history.count(ADA, "after") == 1


async def test_the_key_is_made_once_and_ours_alone(tmp_path: Path) -> None:
    """Without it nobody is known again, and nobody can find out who it was."""
    path = tmp_path / KEY_NAME
    async with open_store(tmp_path):
        key = path.read_bytes()
        assert (len(key), path.stat().st_mode & 0o777) == (32, 0o600)
        assert [file for file in await asyncio.to_thread(_files_in, tmp_path) if file.name.startswith(".")] == []
    async with open_store(tmp_path):
        assert path.read_bytes() == key


# An ill disk


FULL = "The disk is full: nothing could be saved. Free some space and try again."


async def refuse(*_: object) -> None:
    raise StorageError(FULL)


async def test_on_a_full_disk_the_files_go_and_the_rest_is_told_and_done_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The file that is too large to be written anew keeps no picture from going, and no life from beginning."""
    clock = Clock()
    async with open_store(tmp_path, clock=clock) as store:
        await live(store, 3)
        with monkeypatch.context() as full:
            full.setattr(Database, "rewrite", refuse)
            forgotten = await store.forgetting.forget(ADA)
        assert (forgotten.is_whole, forgotten.has_traces, forgotten.trouble) == (True, True, FULL)
        assert len(await asyncio.to_thread(_files_in, tmp_path / "pictures")) == 3 * 4
    with monkeypatch.context() as full:
        full.setattr(Database, "rewrite", refuse)
        async with open_store(tmp_path, clock=clock) as store:
            with contextlib.suppress(StorageError):  # the background may have tried already
                await store.forgetting.tidy()
            assert await rows(store, "SELECT count(*) FROM chores") == [(1,)]
            assert await store.history.count(BOB, "heron") == 3
    clock.now_s += REWRITE_EVERY_S
    async with open_store(tmp_path, clock=clock) as store:
        await store.forgetting.tidy()
        assert await asyncio.to_thread(marks_in, tmp_path) == set()


async def test_a_start_on_an_ill_disk_removes_files_first_and_leaves_rows_for_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What can be deleted without writing a row is; the next tidying does the rest."""
    async with open_store(tmp_path, clock=lambda: remembered.NOW_S) as store:
        await live(store, 3)
        with monkeypatch.context() as ill:
            ill.setattr(forgetting, "_BATCH", 1)
            ill.setattr(PictureFiles, "forget", refuse)
            forgotten = await store.forgetting.forget(ADA)
            assert (forgotten.is_whole, forgotten.trouble) == (False, FULL)
        assert len(await asyncio.to_thread(_files_in, tmp_path / "pictures")) == 9 * 4
        await store.database.write(order_bobs_requests)
    monkeypatch.setattr(PictureFiles, "forget", refuse)
    async with open_store(tmp_path, clock=lambda: remembered.NOW_S) as store:
        assert len(await asyncio.to_thread(_files_in, tmp_path / "pictures")) == 3 * 4
        monkeypatch.undo()
        await store.forgetting.tidy()
        assert await asyncio.to_thread(_files_in, tmp_path / "pictures") == []


async def order_bobs_requests(writing: Writing) -> None:
    """As if Bob's forgetting had been cut off before his requests went."""
    person = await writing.value("SELECT id FROM people WHERE owner = :bob", bob=BOB)
    await writing.rows("INSERT INTO chores (name) VALUES (:name)", name=f"forget the requests of {person} 1000")


# How often


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now_s = remembered.NOW_S

    def __call__(self) -> float:
        return self.now_s


async def test_the_file_is_written_anew_now_and_then_for_all_who_left_meanwhile(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """However many leave: once at once, then once for all of them; until then they are told that traces are left."""
    clock, n_rewritten, rewrite = Clock(), 0, Database.rewrite

    async def counted(database: Database) -> None:
        nonlocal n_rewritten
        n_rewritten += 1
        await rewrite(database)

    monkeypatch.setattr(Database, "rewrite", counted)
    async with open_store(tmp_path, clock=clock) as store:
        await live(store, 3)
        assert not (await store.forgetting.forget(ADA)).has_traces
        for number in range(5):
            account = f"telegram:70000{number}"
            await draw(store, asked(account, 1, account, "words"), "words", number)
            assert (await store.forgetting.forget(account)).has_traces
        await store.forgetting.tidy()
        assert n_rewritten == 1
        clock.now_s += REWRITE_EVERY_S
        await store.forgetting.tidy()
        await store.forgetting.tidy()
        assert n_rewritten == 2
        assert await asyncio.to_thread(marks_in, tmp_path) == set()


async def test_for_one_person_the_file_is_written_anew_at_once_once_a_day(tmp_path: Path) -> None:
    """Who comes back only to leave again stops everybody's writes no oftener than the background does."""
    clock = Clock()
    async with open_store(tmp_path, clock=clock) as store:
        for has_traces in (False, True):
            await draw(store, asked(ADA, 1, ADA, "words"), "words", 1)
            assert (await store.forgetting.forget(ADA)).has_traces is has_traces
            clock.now_s += REWRITE_EVERY_S
        clock.now_s += 86_400
        await draw(store, asked(ADA, 1, ADA, "words"), "words", 1)
        assert not (await store.forgetting.forget(ADA)).has_traces


async def test_what_is_deleted_while_the_file_is_written_anew_needs_the_next(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its rows were there when the new file was made."""
    clock, rewrite = Clock(), Database.rewrite
    async with open_store(tmp_path, clock=clock) as store:
        await live(store, 3)

        async def slow(database: Database) -> None:
            monkeypatch.setattr(Database, "rewrite", rewrite)
            await rewrite(database)
            assert (await store.forgetting._let_go(BOB)) == frozenset()

        monkeypatch.setattr(Database, "rewrite", slow)
        assert (await store.forgetting.forget(ADA)).has_traces
        clock.now_s += REWRITE_EVERY_S
        await store.forgetting.tidy()
        assert await rows(store, "SELECT name FROM chores") == []


async def test_requests_that_go_after_the_file_was_written_anew_need_the_next(tmp_path: Path) -> None:
    """Somebody's requests go a few at a time, and another's leaving can come between."""
    clock = Clock()
    async with open_store(tmp_path, clock=clock) as store:
        await live(store, 3)
        await store.forgetting._let_go(ADA)
        assert await store.forgetting._rewrite()
        await store.forgetting._delete_all()
        clock.now_s += REWRITE_EVERY_S
        await store.forgetting.tidy()
        assert await asyncio.to_thread(marks_in, tmp_path) == set()
        assert await rows(store, "SELECT name FROM chores") == []
        await store.forgetting._let_go(BOB)
        assert await store.forgetting._rewrite() is False
        await store.database.write(forgetting._begin_rewriting)
        await store.forgetting._delete_all()
        assert not await store.database.write(forgetting._end_rewriting)


async def test_a_log_that_somebody_reads_is_not_called_empty(store: Store, tmp_path: Path) -> None:
    """Deleted words are in it until then; the next time it is."""
    await live(store, 1)
    reader = sqlite3.connect(tmp_path / DATABASE_NAME, isolation_level=None)
    try:
        reader.execute("BEGIN")
        reader.execute("SELECT count(*) FROM requests").fetchone()
        await draw(store, asked(ADA, 9, ADA, "more"), "more", 9)
        await store.database.write(lambda writing: writing.rows("PRAGMA busy_timeout = 50"))
        forgotten = await store.forgetting.forget(ADA)
        assert (forgotten.is_whole, forgotten.has_traces) == (True, True)
        assert "is being read" in forgotten.trouble
    finally:
        reader.close()


# Files that nothing refers to


async def test_what_was_given_and_never_used_goes_too(store: Store, tmp_path: Path) -> None:
    """Also where nobody remembers it but the database; another's stays, and so does what another draws from."""
    await live(store, 1)
    loose = await store.pictures.put(b"loose zephyranthes", "image/png", ADA)
    twice = await store.pictures.put(b"twice quuxquux", "image/png", ADA)
    await store.pictures.put(b"twice quuxquux", "image/png", ADA)
    new = asked(ADA, 7, ADA, "words")
    await store.requests.add(new, [remembered.job(new, source_file=twice)])
    await store.requests.cancel(new.id)
    bobs = await store.pictures.put(b"of Bob", "image/png", BOB)
    shared = await store.pictures.put(b"of both", "image/png", ADA)
    bobs_request = asked(BOB, 7, BOB, "words")
    await store.requests.add(bobs_request, [remembered.job(bobs_request, source_file=shared)])
    await store.pictures.put(b"of both", "image/png", ADA)
    forgotten = await store.forgetting.forget(ADA_TOO)
    assert {loose, twice} <= forgotten.hashes
    assert await asyncio.to_thread(marks_in, tmp_path) == set()
    assert await store.pictures.read(bobs) == b"of Bob"
    assert await store.pictures.read(shared) == b"of both"


# Retention


async def test_old_requests_expire_with_their_files(tmp_path: Path) -> None:
    """Whole, a few at a time; what waits stays, and so does whatever is younger."""
    now_s = remembered.NOW_S
    async with open_store(tmp_path, clock=lambda: now_s) as store:
        for number in range(25):
            await draw(
                store, replace(asked(BOB, number, "web:page", "old"), created_s=now_s - 40 * 86_400), f"old {number}", 1
            )
        waiting = replace(asked(BOB, 30, "web:page", "old"), created_s=now_s - 40 * 86_400)
        await store.requests.add(waiting, [remembered.job(waiting)])
        young = replace(asked(BOB, 31, "web:page", "young"), created_s=now_s - 29 * 86_400)
        await draw(store, young, "young", 1)
        assert await store.forgetting.expire(30) == 25
        assert [row[0] for row in await rows(store, "SELECT id FROM requests ORDER BY no")] == [waiting.id, young.id]
        assert await store.history.count(BOB, "") == 1
        assert len(await asyncio.to_thread(_files_in, tmp_path / "pictures")) == 4
        assert await store.forgetting.expire(30) == 0


async def test_old_charges_go_with_the_days_they_are_of(store: Store) -> None:
    """They are no more use than the requests they were of."""

    async def charge(writing: Writing) -> None:
        await writing.rows("INSERT INTO people (owner, name, first_ms, last_ms) VALUES ('a', '', 0, 0)")
        today = int(remembered.NOW_S // 86_400)
        await writing.run_many(
            "INSERT INTO charges (person, day, kind, cost) VALUES (1, :day, 'drawing', 1)",
            [{"day": today - max(0, 50 - number // 20)} for number in range(1_200)],
        )

    await store.database.write(charge)
    await store.forgetting.expire(30)
    assert await rows(store, "SELECT min(day), count(*) FROM charges") == [(int(remembered.NOW_S // 86_400) - 30, 800)]
