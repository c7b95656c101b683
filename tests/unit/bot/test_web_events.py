"""Feeds: what a reader sees, wherever it stops and begins again."""

import asyncio
import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.web import events as module
from bot.platforms.web.events import HEARTBEAT, MAX_CARDS, MAX_READERS, Events, NotServing, Reader, TooManyReaders

ALICE, BOB = "web:alice", "web:bob"
_EVENT = re.compile(rb"id: (\S+)\nevent: (\S+)\ndata: (.*)\n\n", re.DOTALL)


def a_reader(session: str | None = None) -> Reader:
    return Reader(session, lambda: False, lambda: None)


async def nothing() -> bytes:
    return b"[]"


async def read(events: Events, owner: str, n_events: int, last_id: str | None = None) -> list[tuple[str, str, str]]:
    """The next events of a new reader: id, kind, body."""
    reader = a_reader()
    events.open(owner, reader)
    found: list[tuple[str, str, str]] = []
    stream = events.read(owner, reader, last_id, nothing)
    try:
        while len(found) < n_events:
            async with asyncio.timeout(10):
                if match := _EVENT.fullmatch(await anext(stream)):
                    found.append((match[1].decode(), match[2].decode(), match[3].decode()))
    finally:
        await stream.aclose()
        events.leave(owner, reader)
    return found


async def test_a_new_reader_begins_with_the_conversation() -> None:
    """A reset comes first, and then what happens."""
    events = Events()
    [(last_id, kind, body)] = await read(events, ALICE, 1)
    assert (kind, body) == ("reset", "[]")
    events.publish(ALICE, "a", "card", b"1")
    assert [event[1:] for event in await read(events, ALICE, 1, last_id)] == [("card", "1")]


@given(
    keys=st.lists(st.integers(0, 5), max_size=60),
    stops=st.lists(st.integers(1, 4), max_size=40),
)
def test_whoever_comes_back_misses_nothing_and_sees_nothing_twice(keys: list[int], stops: list[int]) -> None:
    """Whatever was published between visits: ids rise, no event comes again, the newest of each card was seen."""

    async def visits() -> None:
        events = Events()
        ids = [event_id for event_id, _, _ in await read(events, ALICE, 1)]
        newest: dict[str, str] = {}
        seen: dict[str, str] = {}
        todo = list(enumerate(keys))
        for stop in [*stops, len(keys)]:
            for number, key in todo[:stop]:
                newest[str(key)] = f"{key}:{number}"
                events.publish(ALICE, str(key), "card", newest[str(key)].encode())
            todo = todo[stop:]
            n_new = len({*newest.items()} - {*seen.items()})
            n_read = min(stop, n_new) if todo else n_new
            for event_id, kind, body in await read(events, ALICE, n_read, ids[-1]):
                assert kind == "card"
                assert event_id not in ids
                ids.append(event_id)
                seen[body.split(":")[0]] = body
        assert seen == newest
        assert [int(each.split("-")[1]) for each in ids] == sorted(int(each.split("-")[1]) for each in ids)

    asyncio.run(visits())


async def test_a_slow_reader_gets_the_newest_of_each_card() -> None:
    """A thousand stages of one card are one event to who was away."""
    events = Events()
    [(last_id, _, _)] = await read(events, ALICE, 1)
    for step in range(1_000):
        events.publish(ALICE, "a", "card", str(step).encode())
    events.publish(ALICE, "b", "card", b"b")
    assert [body for _, _, body in await read(events, ALICE, 2, last_id)] == ["999", "b"]


async def test_a_removed_card_takes_the_place_of_its_stages() -> None:
    """Nobody is shown a card only to see it go."""
    events = Events()
    [(last_id, _, _)] = await read(events, ALICE, 1)
    events.publish(ALICE, "a", "card", b"1")
    events.publish(ALICE, "a", "removed", b"gone")
    assert [event[1:] for event in await read(events, ALICE, 1, last_id)] == [("removed", "gone")]


async def test_a_feed_is_bounded_and_says_so() -> None:
    """Who was away for more cards than are kept begins anew; who is near enough does not."""
    events = Events()
    [(old, _, _)] = await read(events, ALICE, 1)
    events.publish(ALICE, "first", "card", b"first")
    [(near, _, _)] = await read(events, ALICE, 1, old)
    for number in range(MAX_CARDS):
        events.publish(ALICE, str(number), "card", str(number).encode())
    assert (await read(events, ALICE, 1, near))[0][2] == "0"
    assert (await read(events, ALICE, 1, old))[0][1] == "reset"
    assert len(events._feeds[ALICE]._newest) == MAX_CARDS


@pytest.mark.parametrize(
    "last_id", ["", "x", "other-1", "{name}-", "{name}-x", "{name}-99999", "{name}-" + "9" * 50, "-1"]
)
async def test_an_id_that_means_nothing_begins_anew(last_id: str) -> None:
    """One of an earlier life, of the future, or of nobody."""
    events = Events()
    await read(events, ALICE, 1)
    assert (await read(events, ALICE, 1, last_id.format(name=events._feeds[ALICE].name)))[0][1] == "reset"


async def test_an_open_stream_that_fell_behind_for_good_begins_anew() -> None:
    """More cards changed while it hung in a write than are kept."""
    events, reader = Events(), a_reader()
    events.open(ALICE, reader)
    stream = events.read(ALICE, reader, None, nothing)
    assert b"event: reset" in [await anext(stream) for _ in range(2)][1]
    for number in range(MAX_CARDS + 1):
        events.publish(ALICE, str(number), "card", b"1")
    assert b"event: reset" in await anext(stream)
    await stream.aclose()


async def test_what_happens_while_the_conversation_is_read_comes_after_it() -> None:
    """The place is taken before the snapshot is, so that nothing falls between them."""
    events, reader = Events(), a_reader()
    events.open(ALICE, reader)

    async def snapshot() -> bytes:
        events.publish(ALICE, "a", "card", b"meanwhile")
        return b"old"

    stream = events.read(ALICE, reader, None, snapshot)
    told = b"".join([await anext(stream) for _ in range(3)])
    assert told.index(b"old") < told.index(b"meanwhile")
    await stream.aclose()


async def test_people_see_their_own_events_only() -> None:
    """What is told to one is not in another's feed, and the other's id means nothing there."""
    events = Events()
    [(hers, _, _)] = await read(events, ALICE, 1)
    [(his, _, _)] = await read(events, BOB, 1)
    events.publish(ALICE, "a", "card", b"hers")
    events.publish(BOB, "b", "card", b"his")
    assert [body for _, _, body in await read(events, BOB, 1, his)] == ["his"]
    assert [kind for _, kind, _ in await read(events, BOB, 1, hers)] == ["reset"]


async def test_everybody_hears_how_busy_it_is_and_only_when_that_changes() -> None:
    """The status is told after a reset, once, and again when it differs."""
    events = Events()
    events.tell_status(b"idle")
    told = await read(events, ALICE, 2)
    assert [kind for _, kind, _ in told] == ["reset", "status"]
    events.tell_status(b"idle")
    events.tell_status(b"busy")
    events.publish(ALICE, "a", "card", b"1")
    assert [body for _, _, body in await read(events, ALICE, 2, told[-1][0])] == ["busy", "1"]


async def test_silence_is_broken_by_a_heartbeat() -> None:
    """So that proxies keep the line, and a dead one is noticed."""
    events, reader = Events(heartbeat_s=0.001), a_reader()
    events.open(ALICE, reader)
    stream = events.read(ALICE, reader, None, nothing)
    assert [await anext(stream) for _ in range(4)][2:] == [HEARTBEAT, HEARTBEAT]
    await stream.aclose()


async def test_one_person_has_so_many_streams_and_no_more() -> None:
    """Those whose connection is gone do not count."""
    events, gone = Events(), [False]
    readers = [Reader(None, lambda: gone[0], lambda: None) for _ in range(MAX_READERS)]
    for reader in readers:
        events.open(ALICE, reader)
    with pytest.raises(TooManyReaders):
        events.open(ALICE, a_reader())
    events.open(BOB, a_reader())
    gone[0] = True
    events.open(ALICE, a_reader())
    assert all(reader.is_over for reader in readers)


async def test_feeds_that_nobody_reads_are_forgotten_in_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """And who comes back to one begins anew; a feed that is read stays."""
    monkeypatch.setattr(module, "MAX_FEEDS", 3)
    events, reader = Events(), a_reader()
    events.open(BOB, reader)
    [(last_id, _, _)] = await read(events, ALICE, 1)
    for number in range(10):
        await read(events, f"web:{number}", 1)
    assert len(events._feeds) == 3
    assert events.is_followed(BOB)
    events.publish(ALICE, "a", "card", b"1")
    assert (await read(events, ALICE, 1, last_id))[0][1] == "reset"


async def test_closing_ends_every_stream_and_cuts_those_that_are_stuck() -> None:
    """One waits for news, one for a network that takes nothing; none begins after."""
    events, cut = Events(), []
    waits, stuck = a_reader(), Reader(None, lambda: False, lambda: cut.append("stuck"))
    events.open(ALICE, waits)
    events.open(ALICE, stuck)
    stream = events.read(ALICE, waits, None, nothing)
    await anext(stream)
    await anext(stream)
    last = asyncio.ensure_future(anext(stream, None))
    with stuck.writes():
        events.close()
    async with asyncio.timeout(10):
        assert await last is None
    assert cut == ["stuck"]
    with pytest.raises(NotServing):
        events.open(BOB, a_reader())


async def test_signing_out_ends_the_streams_of_that_session() -> None:
    """And of no other."""
    events = Events()
    here, there = a_reader("here"), a_reader("there")
    events.open(ALICE, here)
    events.open(ALICE, there)
    events.end_session("here")
    assert (here.is_over, there.is_over) == (True, False)
