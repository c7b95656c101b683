import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import msgspec
import pytest

from engine.cost import Speed
from engine.domain import Source
from engine.errors import StorageError
from storage import deleting
from storage.deleting import forget_words
from storage.ids import new_request_id
from storage.records import Session, State
from storage.statements import Reading, Row, Writing
from storage.store import DATABASE_NAME, Store, open_store
from tests.fakes import remembered
from tests.fakes.remembered import NOW_S, OWNER


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as opened:
        yield opened


async def test_what_was_asked_comes_back_as_it_was(store: Store) -> None:
    """Request and jobs, also after a restart; half characters are mended."""
    new = remembered.request(words="/imagine a \ud83d cat")
    what = remembered.recipe("a cat", source=Source(sha256=remembered.hash_of("pixels"), strength=0.7))
    source_file = await store.pictures.put(b"source", "image/png")
    job = remembered.job(new, what=what, source_file=source_file)
    assert await store.requests.add(new, [job]) == new.id
    found = await store.requests.find(new.id)
    assert found
    assert (found.words, found.owner, found.place, found.asker) == ("/imagine a ? cat", OWNER, "web:page", "Ann")
    assert (found.state, found.created_s, found.ended_s, found.is_deleted) == (State.WAITING, NOW_S, None, False)
    (stored,) = await store.requests.jobs_of(new.id)
    assert (stored.id, stored.recipe, stored.source_file, stored.state) == (job.id, what, source_file, State.WAITING)
    assert await store.history.file_of_pixels(remembered.hash_of("pixels")) == source_file


async def test_the_same_event_twice_is_one_request(store: Store) -> None:
    """Also at the same time; the second gets the first one's id."""
    asked = [remembered.request(key="w:1") for _ in range(5)]
    ids = await asyncio.gather(*(store.requests.add(each, [remembered.job(each)]) for each in asked))
    assert set(ids) == {asked[0].id}
    assert len(await store.requests.unfinished()) == 1
    assert await store.requests.jobs_of(asked[1].id) == ()


async def test_a_request_refers_only_to_files_that_were_stored(store: Store) -> None:
    """Else nothing of it is kept."""
    new = remembered.request()
    with pytest.raises(StorageError, match="refused a step"):
        await store.requests.add(new, [remembered.job(new, source_file=remembered.hash_of("never put"))])
    assert await store.requests.find(new.id) is None


async def test_what_is_offered_waits_only_once_it_is_begun(store: Store) -> None:
    """And can be begun once."""
    new = remembered.request(state=State.OFFERED)
    await store.requests.add(new, [remembered.job(new)])
    assert await store.requests.unfinished() == ()
    assert [await store.requests.begin(new.id) for _ in range(2)] == [True, False]
    assert [each.id for each, _ in await store.requests.unfinished()] == [new.id]
    assert [job.state for job in await store.requests.jobs_of(new.id)] == [State.WAITING]
    assert not await store.requests.begin("nothing")


async def test_what_waits_is_told_oldest_first(store: Store) -> None:
    """In the order it came in, whatever the clocks said."""
    asked = [remembered.request(created_s=NOW_S - number) for number in range(5)]
    for each in asked:
        await store.requests.add(each, [remembered.job(each)])
    await store.requests.end(asked[2].id, State.FAILED, "no")
    assert [each.id for each, _ in await store.requests.unfinished()] == [asked[n].id for n in (0, 1, 3, 4)]


async def test_what_waits_comes_with_all_its_jobs_in_two_questions(
    store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Those that are done too, in their order, however many requests there are."""
    asked = [remembered.request() for _ in range(30)]
    for each in asked:
        await store.requests.add(each, [remembered.job(each, ordinal) for ordinal in (1, 2)])
    await store.requests.fail_job(f"{asked[3].id}-1", "no")
    questions: list[str] = []
    rows = Reading.rows

    async def spied(reading: Reading, sql: str, **values: object) -> list[Row]:
        questions.append(sql)
        return await rows(reading, sql, **values)

    monkeypatch.setattr(Reading, "rows", spied)
    unfinished = await store.requests.unfinished()
    assert len(questions) == 2
    assert [row.id for row, _ in unfinished] == [each.id for each in asked]
    assert all([job.id for job in jobs] == [f"{row.id}-1", f"{row.id}-2"] for row, jobs in unfinished)
    assert [job.state for job in unfinished[3][1]] == [State.FAILED, State.WAITING]


async def test_a_finished_job_has_its_pictures_and_counts_once(store: Store) -> None:
    """A second result, say of a worker thought dead, is refused and writes nothing."""
    new = remembered.request()
    await store.requests.add(new, [remembered.job(new)])
    picture = await remembered.picture(store.pictures, 1, remembered.recipe())
    assert [await store.requests.finish_job(f"{new.id}-1", [picture], 2.5) for _ in range(2)] == [True, False]
    (job,) = await store.requests.jobs_of(new.id)
    assert (job.state, job.gpu_s) == (State.DONE, 2.5)
    assert await store.history.totals(OWNER) == (1, 2.5)
    assert not await store.requests.finish_job("nothing-1", [picture], 2.5)


async def test_a_job_that_fails_keeps_its_sentence_and_later_news_change_nothing(store: Store) -> None:
    """Neither a result nor another failure."""
    new = remembered.request()
    await store.requests.add(new, [remembered.job(new)])
    await store.requests.fail_job(f"{new.id}-1", "The first.")
    await store.requests.fail_job(f"{new.id}-1", "The second.")
    picture = await remembered.picture(store.pictures, 1, remembered.recipe())
    assert not await store.requests.finish_job(f"{new.id}-1", [picture], 1.0)
    (job,) = await store.requests.jobs_of(new.id)
    assert (job.state, job.sentence) == (State.FAILED, "The first.")


async def test_lost_workers_are_counted(store: Store) -> None:
    """Over a restart too; not for jobs that are over or unknown."""
    new = remembered.request()
    await store.requests.add(new, [remembered.job(new)])
    assert [await store.requests.note_loss(f"{new.id}-1") for _ in range(3)] == [1, 2, 3]
    assert (await store.requests.jobs_of(new.id))[0].n_losses == 3
    await store.requests.cancel(new.id)
    assert await store.requests.note_loss(f"{new.id}-1") == 0
    assert await store.requests.note_loss("nothing-1") == 0


@pytest.mark.parametrize(("n_finished", "state"), [(0, State.CANCELLED), (1, State.DONE)])
async def test_cancelling_takes_back_what_still_waits(store: Store, n_finished: int, state: State) -> None:
    """A request that has a picture already is done with that."""
    new = remembered.request()
    jobs = [remembered.job(new, ordinal) for ordinal in (1, 2)]
    await store.requests.add(new, jobs)
    for job in jobs[:n_finished]:
        picture = await remembered.picture(store.pictures, 1, remembered.recipe())
        await store.requests.finish_job(job.id, [picture], 1.0)
    assert [await store.requests.cancel(new.id) for _ in range(2)] == [True, False]
    found = await store.requests.find(new.id)
    assert found
    assert found.state == state
    assert found.ended_s
    states = [job.state for job in await store.requests.jobs_of(new.id)]
    assert states == [State.DONE] * n_finished + [State.CANCELLED] * (2 - n_finished)


async def test_an_ended_request_stays_as_it_ended(store: Store) -> None:
    """Its jobs end with it; the same end may be said again with a grid, another end may not."""
    new = remembered.request()
    await store.requests.add(new, [remembered.job(new)])
    assert await store.requests.end(new.id, State.FAILED, "No.")
    assert [job.state for job in await store.requests.jobs_of(new.id)] == [State.FAILED]
    grid = await store.pictures.put(b"grid", "image/png")
    assert await store.requests.end(new.id, "failed", "Still no.", grid_hash=grid)
    assert not await store.requests.end(new.id, State.DONE, "")
    found = await store.requests.find(new.id)
    assert found
    assert (found.state, found.sentence, found.grid_hash) == (State.FAILED, "Still no.", grid)


async def test_a_deleted_request_answers_as_deleted_and_nothing_of_it_is_found(store: Store) -> None:
    """No words, no jobs, no pictures, and a late result is refused; somebody with the same picture keeps it."""
    request_id = await remembered.drawn(store, remembered.recipe("secret garden"))
    twin = await remembered.drawn(store, remembered.recipe("secret garden"), owner="web:bob")
    assert await store.requests.delete(request_id) == frozenset()  # the twin has the same files
    found = await store.requests.find(request_id)
    assert found
    assert (found.is_deleted, found.words, found.asker, found.sentence) == (True, "", "", "")
    assert await store.requests.jobs_of(request_id) == ()
    assert await store.history.pictures_of(request_id) == ()
    assert await store.history.search(OWNER, "secret", None, 10) == ()
    assert await store.history.count(OWNER, "") == 0
    assert await store.history.totals(OWNER) == (0, 1.5)
    assert await store.requests.conversation(OWNER, None, None, 10) == ()
    assert await store.requests.delete(request_id) == frozenset()
    assert not await store.requests.end(request_id, State.DONE, "late")
    assert len(await store.history.search("web:bob", "secret", None, 10)) == 1
    (picture,) = await store.history.pictures_of(twin)
    assert await store.requests.delete(twin) == {picture.file_hash, picture.thumbnail_hash}


async def test_deleting_what_waits_takes_it_back(store: Store) -> None:
    """It is not begun again at the next start, and its result is not taken."""
    new = remembered.request()
    await store.requests.add(new, [remembered.job(new)])
    await store.requests.delete(new.id)
    picture = await remembered.picture(store.pictures, 1, remembered.recipe())
    assert not await store.requests.finish_job(f"{new.id}-1", [picture], 1.0)
    assert await store.requests.unfinished() == ()
    assert await store.requests.add(remembered.request(key=new.event_key), []) == new.id


def _bytes_with(folder: Path, words: bytes) -> list[str]:
    return [str(file) for file in folder.rglob("*") if file.is_file() and words in file.read_bytes()]


async def test_deleted_words_are_in_no_file_any_more(tmp_path: Path) -> None:
    """Not in the tables, the search index or the log; the words of others stay."""
    async with open_store(tmp_path) as store:
        for number in range(30):
            await remembered.drawn(store, remembered.recipe(f"ordinary{number} words", seed=number))
        secret = await remembered.drawn(store, remembered.recipe("xylograph zzyzx", negative="quuxish", seed=99))
        for number in range(30):
            await remembered.drawn(store, remembered.recipe(f"plain{number} words", seed=number))
        await store.pictures.forget(await store.requests.delete(secret))
    async with open_store(tmp_path) as store:  # what was left to forget at the end is forgotten at the next start
        await forget_words(store.database)
        for words in (b"xylograph", b"xylogr", b"zzyzx", b"quuxish"):
            assert await asyncio.to_thread(_bytes_with, tmp_path, words) == []
        assert await asyncio.to_thread(_bytes_with, tmp_path, b"ordinary7")
        assert await store.history.count(OWNER, "ordinary7") == 1
        assert await store.history.count(OWNER, "words") == 60


async def test_words_that_are_deleted_while_others_are_forgotten_are_not_overlooked(store: Store) -> None:
    """Their merge comes after the one that has begun."""
    first, second = [await remembered.drawn(store, remembered.recipe(f"number {n}", seed=n)) for n in range(2)]
    await store.requests.delete(first)
    assert await store.database.write(deleting._begin_merge)
    await store.requests.delete(second)
    while await store.database.write(deleting._merge_on):
        pass
    assert await store.database.write(deleting._begin_merge)
    assert await store.database.write(deleting._begin_merge)  # begun, but never ended: a start begins it again
    await forget_words(store.database)
    assert not await store.database.write(deleting._begin_merge)


async def test_a_conversation_is_read_backwards_without_gaps(store: Store) -> None:
    """Newest first, from before the last one seen, also within the same millisecond; offered ones too."""
    asked = [remembered.request(state=State.OFFERED, created_s=NOW_S + number // 3) for number in range(10)]
    for each in asked:
        await store.requests.add(each, [])
    other = remembered.request(owner="web:bob")
    await store.requests.add(other, [])
    await store.requests.delete(asked[4].id)
    seen: list[str] = []
    before = await store.requests.conversation(OWNER, None, None, 4)
    while before:
        seen += [each.id for each in before]
        before = await store.requests.conversation(OWNER, before[-1].created_s, before[-1].id, 4)
    assert seen == [each.id for number, each in reversed(list(enumerate(asked))) if number != 4]
    assert [each.id for each in await store.requests.conversation(OWNER, NOW_S + 1, "unknown000", 99)] == [
        each.id for each in reversed(asked[:3])
    ]
    assert await store.requests.conversation("web:nobody", None, None, 4) == ()


@pytest.mark.parametrize("name", ["", "x" * 100_000, "k3f9m2q7x\ud800", "'; DROP TABLE requests; --", "\x00"])
async def test_any_text_may_be_asked_for(store: Store, name: str) -> None:
    """It is nothing of ours, and no error."""
    assert await store.requests.find(name) is None
    assert await store.requests.jobs_of(name) == ()
    assert not await store.requests.cancel(name)
    assert await store.requests.delete(name) == frozenset()
    assert await store.history.picture(name, 2**70) is None


async def test_a_state_that_does_not_exist_cannot_be_stored(store: Store) -> None:
    """Neither through the code nor past it."""
    new = remembered.request()
    await store.requests.add(new, [remembered.job(new)])
    with pytest.raises(ValueError, match="drawing"):
        await store.requests.end(new.id, "drawing", "")

    async def step(writing: Writing) -> None:
        await writing.rows("UPDATE jobs SET state = 'drawing'")

    with pytest.raises(StorageError, match="refused a step"):
        await store.database.write(step)


async def test_a_stored_recipe_that_no_longer_decodes_is_left_out(store: Store) -> None:
    """The rest of the list is there; deleting it still works."""
    request_id = await remembered.drawn(store, remembered.recipe("one"), remembered.recipe("two"))

    async def step(writing: Writing) -> None:
        odd = msgspec.json.encode({"prompt": "one", "seed": 7, "steps": 10**9}).decode()
        for table in ("jobs", "pictures"):
            await writing.rows(f"UPDATE {table} SET recipe = :odd WHERE recipe LIKE '%\"one\"%'", odd=odd)

    await store.database.write(step)
    assert [each.number for each in await store.history.pictures_of(request_id)] == [2]
    assert [each.ordinal for each in await store.requests.jobs_of(request_id)] == [2]
    assert len(await store.requests.delete(request_id)) == 4


# Sessions, links, speeds


async def test_a_session_is_found_until_it_ends(store: Store) -> None:
    """By signing out or by its time."""
    await store.sessions.add("a", OWNER, "Ann", NOW_S + 60)
    assert await store.sessions.find("a", NOW_S) == Session(owner=OWNER, name="Ann", expires_s=NOW_S + 60)
    assert await store.sessions.find("a", NOW_S + 60) is None
    assert await store.sessions.find("b\ud800", NOW_S) is None
    await store.sessions.drop("a")
    assert await store.sessions.find("a", NOW_S) is None


async def test_a_link_signs_in_once(store: Store) -> None:
    """Of many at the same time one gets in; an expired one nobody."""
    await store.sessions.add_link("a", OWNER, "Ann", NOW_S + 60)
    taken = await asyncio.gather(*(store.sessions.take_link("a", NOW_S) for _ in range(5)))
    assert [each.owner for each in taken if each] == [OWNER]
    await store.sessions.add_link("b", OWNER, "Ann", NOW_S + 60)
    assert await store.sessions.take_link("b", NOW_S + 61) is None
    assert await store.sessions.take_link("b", NOW_S) is None


async def test_speeds_come_back_in_the_order_they_were_learned(store: Store) -> None:
    """What was there before is replaced."""
    speeds = tuple(Speed(model=m, width_px=64, height_px=64, seconds_per_cost=(0.5, 0.25)) for m in ("b", "a"))
    assert await store.speeds.load() == ()
    await store.speeds.save(speeds[:1])
    await store.speeds.save(speeds)
    assert await store.speeds.load() == speeds


async def test_everything_is_there_after_a_restart(tmp_path: Path) -> None:
    """In a folder that was made on the way, for its owner only."""
    folder = tmp_path / "new" / "folder"
    async with open_store(folder) as store:
        request_id = await remembered.drawn(store, remembered.recipe())
    assert (folder.stat().st_mode & 0o777, (folder / DATABASE_NAME).is_file()) == (0o700, True)
    async with open_store(folder) as store:
        (picture,) = await store.history.pictures_of(request_id)
        assert picture.file_hash
        assert await store.pictures.read(picture.file_hash) == b"file of a red circle 7"
        assert not await store.requests.find(new_request_id())
