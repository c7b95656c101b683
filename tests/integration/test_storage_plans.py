"""How SQLite goes about every statement of ours, as it was really sent."""

import asyncio
import sqlite3
from pathlib import Path
from typing import Any

import pytest

from storage.asking import Asking
from storage.limits import Ledger
from storage.outbox import Outbox
from storage.records import DeliveryKind, State
from storage.statements import Reading, Row, Writing
from storage.store import DATABASE_NAME, Store, open_store
from tests.fakes import remembered
from tests.fakes.remembered import OWNER

GROWS = ("requests", "jobs", "pictures", "files", "people", "sessions", "links", "charges", "outbox", "bans", "inbox")
MAY_SCAN = {  # pruning looks at all files; it runs now and then, on a connection for reading
    "SELECT id, hash, n_bytes FROM files",
    "SELECT coalesce(sum(n_bytes), 0)",
    "SELECT state, count(*) FROM outbox",  # for figures, now and then
    "SELECT owner FROM (SELECT person, max(id)",  # the newest few thousand pictures, once a start
}
MAY_WALK = {  # through an index of just those rows that they want, and no more
    "SCAN jobs USING COVERING INDEX jobs_waiting",  # counting them: 10,000 at most
    "SCAN outbox USING INDEX outbox_uncollected",  # what could not be delivered to anybody
    "SCAN outbox USING INDEX outbox_due",
}
MAY_SORT = {  # a handful
    "SELECT id FROM people WHERE id IN",  # the accounts of one person
}


@pytest.fixture
def sent(monkeypatch: pytest.MonkeyPatch) -> dict[str, dict[str, Any]]:
    """Every statement that a test sends, with the values of its first time."""
    sent: dict[str, dict[str, Any]] = {}
    rows, run_many = Reading.rows, Writing.run_many

    async def spied_rows(reading: Reading, sql: str, **values: object) -> list[Row]:
        sent.setdefault(sql, dict(values))
        return await rows(reading, sql, **values)

    async def spied_run_many(writing: Writing, sql: str, values: list[dict[str, Any]]) -> None:
        if values:
            sent.setdefault(sql, values[0])
        await run_many(writing, sql, values)

    monkeypatch.setattr(Reading, "rows", spied_rows)
    monkeypatch.setattr(Writing, "run_many", spied_run_many)
    return sent


async def _a_whole_life(store: Store) -> None:
    """Everything that storage can do, once."""
    request_id = await remembered.drawn(store, remembered.recipe("one"), remembered.recipe("two"), is_animated=True)
    offered = remembered.request(state=State.OFFERED)
    await store.requests.add(offered, [remembered.job(offered)])
    await store.requests.begin(offered.id)
    await store.requests.note_loss(f"{offered.id}-1")
    await store.requests.fail_job(f"{offered.id}-1", "no")
    await store.requests.cancel(offered.id)
    await store.requests.unfinished()
    await store.requests.conversation(OWNER, None, None, 50)
    await store.requests.conversation(OWNER, 5.0, request_id, 50)
    await store.requests.jobs_of(request_id)
    pictures = await store.history.pictures_of(request_id)
    for words in ("", "one"):
        await store.history.search(OWNER, words, pictures[0], 24)
        await store.history.page(OWNER, words, 3, 24)
        await store.history.count(OWNER, words)
    await store.history.picture(request_id, 1)
    await store.history.totals(OWNER)
    await store.history.latest_owners("web:", 10)
    await store.abroad.share(request_id, 1)
    await store.abroad.is_shared(request_id, 1)
    await store.abroad.note_sent(f"{request_id}.1", "chat:1:x")
    await store.abroad.sent([f"{request_id}.1"], "chat:1:")
    await store.history.file_of_pixels(remembered.hash_of("none"))
    await store.sessions.add("a", OWNER, "Ann", 5.0)
    await store.sessions.find("a", 1.0)
    await store.sessions.drop("a")
    await store.sessions.add_link("a", OWNER, "Ann", 5.0)
    await store.sessions.take_link("a", 1.0)
    await store.speeds.save(())
    await _a_life_at_the_desk(store)
    await store.pictures.prune(0)
    await store.pictures.forget(await store.requests.delete(request_id))


async def _a_life_at_the_desk(store: Store) -> None:
    """Limits, charges and the outbox, for somebody with two accounts."""
    outbox, ledger = Outbox(store.database), Ledger(store.database)
    asking = Asking(account=OWNER, place="web:page", groups=("artists",))
    second = remembered.request(owner="discord:1")
    await store.requests.add(second, [remembered.job(second)])

    async def link(writing: Writing) -> None:
        await writing.rows("UPDATE people SET head = 1 WHERE owner = 'discord:1'")

    await store.database.write(link)
    waiting, new = remembered.request(), remembered.request(state=State.OFFERED)
    for each in (waiting, new):
        await store.requests.add(each, [remembered.job(each)], asking)
        await store.requests.begin(each.id, asking)
    await store.requests.note_remote(new.id, "m1")
    await store.requests.n_waiting()
    await ledger.standing(OWNER, "web:page", ("artists",))
    await store.requests.end(new.id, State.DONE, "")
    await outbox.due()
    await outbox.due_of(new.id)
    await outbox.next_due_s()
    await outbox.sending(new.id, DeliveryKind.ACKNOWLEDGE)
    await outbox.unknown()
    await outbox.again(new.id, DeliveryKind.ACKNOWLEDGE, 0, "later")
    await outbox.sent(new.id, DeliveryKind.ACKNOWLEDGE, "m1")
    await outbox.ambiguous(new.id, DeliveryKind.RESULT, "who knows")
    await outbox.uncollected(OWNER)
    await outbox.redirect(new.id, "web:page", "there")
    await outbox.dead(new.id, DeliveryKind.RESULT, "gone")
    await outbox.counts()
    for words in ("", "red"):
        await store.history.search(OWNER, words, None, 24)
    await store.requests.fail_job(f"{second.id}-1", "no")
    await store.requests.delete(new.id)


async def test_no_statement_walks_over_a_table_that_grows(tmp_path: Path, sent: dict[str, dict[str, Any]]) -> None:
    """Each finds its rows by an index, sorts nothing that could be long, and searches words in the index only."""
    async with open_store(tmp_path) as store:
        await _a_whole_life(store)
    assert len(sent) > 40
    for sql, plan in (await asyncio.to_thread(_plans, tmp_path / DATABASE_NAME, sent)).items():
        if any(sql.startswith(each) for each in MAY_SCAN):
            continue
        for step in plan:
            is_walk = any(step.startswith(f"SCAN {table}") for table in GROWS)
            assert not is_walk or any(step.startswith(each) for each in MAY_WALK), (sql, plan)
            may_sort = "AS found" in sql or any(sql.startswith(each) for each in MAY_SORT)  # the rows of one page
            assert "USE TEMP B-TREE" not in step or may_sort, (sql, plan)


def _plans(path: Path, sent: dict[str, dict[str, Any]]) -> dict[str, list[str]]:
    connection = sqlite3.connect(path)
    try:
        return {
            sql: [row[3] for row in connection.execute(f"EXPLAIN QUERY PLAN {sql}", values)]
            for sql, values in sent.items()
            if not sql.startswith("PRAGMA")
        }
    finally:
        connection.close()


async def test_the_page_of_the_history_reads_only_its_own_rows(tmp_path: Path, sent: dict[str, dict[str, Any]]) -> None:
    """By the index of the person, or by that of the words; in the order it is shown in."""
    async with open_store(tmp_path) as store:
        await remembered.drawn(store, remembered.recipe())
        sent.clear()
        await store.history.search(OWNER, "", None, 24)
        await store.history.search(OWNER, "red", None, 24)
    found = _plans(tmp_path / DATABASE_NAME, sent)
    plans = [plan for sql, plan in found.items() if ":before" in sql]
    assert len(plans) == 2
    assert not any("B-TREE" in step for plan in plans for step in plan)
    assert any("USING COVERING INDEX pictures_person (person=? AND rowid<?)" in step for step in plans[0])
    assert any("SCAN search VIRTUAL TABLE INDEX" in step and "M" in step for step in plans[1])
