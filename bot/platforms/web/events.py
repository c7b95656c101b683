"""Everybody's events: in order, buffered, resumable. Bytes of server-sent events; knows nothing of HTTP or of cards.

A person's feed keeps the newest event about each card and nothing older: whoever reads slowly, or comes back with the
id of the last event they saw, gets the truth as it is and no stages on the way to it. An id is the feed's own name and
a number that rises: of a feed that was forgotten, of another person's or of an earlier life, it means nothing.
"""

import asyncio
import contextlib
import secrets
from collections import OrderedDict
from collections.abc import AsyncGenerator, Awaitable, Callable, Iterator
from dataclasses import dataclass

MAX_CARDS = 256  # of a feed; a page shows fewer, and each may hold 256 KB of previews
MAX_FEEDS = 256  # of people who look now or did a while ago
MAX_READERS = 20  # open tabs of one person
HEARTBEAT_S = 15.0  # proxies hang up on what is silent for 30 to 60 s
HEARTBEAT = b": still here\n\n"
RETRY = b"retry: 1000\n\n"  # ms; a browser's own choice is 3 to 5 s

Snapshot = Callable[[], Awaitable[bytes]]


class TooManyReaders(Exception):
    """This person has as many streams open as anybody may."""


class NotServing(Exception):
    """The page is being closed; no stream is begun any more."""


@dataclass(frozen=True, slots=True)
class _Entry:
    number: int
    kind: str
    body: bytes


class Reader:
    """One open stream. `is_gone` tells whether its connection is; `cut` ends the connection."""

    def __init__(self, session: str | None, is_gone: Callable[[], bool], cut: Callable[[], None]) -> None:
        self.session = session
        self.is_gone = is_gone
        self.is_over = False
        self._cut = cut
        self._is_writing = False

    @contextlib.contextmanager
    def writes(self) -> Iterator[None]:
        """The time in which a write waits for the network."""
        self._is_writing = True
        try:
            yield
        finally:
            self._is_writing = False

    def end(self) -> None:
        """No more events; one that waits for a network that takes nothing is cut off."""
        self.is_over = True
        if self._is_writing:
            self._cut()


class _Feed:
    """What one person may see happen. `floor`: events up to this number may be missing."""

    def __init__(self, floor: int) -> None:
        self.name = secrets.token_hex(4)
        self.floor = floor
        self.readers: list[Reader] = []
        self._newest: OrderedDict[str, _Entry] = OrderedDict()
        self._news = asyncio.Event()

    def put(self, key: str, entry: _Entry) -> None:
        self._newest.pop(key, None)
        self._newest[key] = entry
        if len(self._newest) > MAX_CARDS:
            _, oldest = self._newest.popitem(last=False)
            self.floor = oldest.number
        self.wake()

    def after(self, number: int) -> _Entry | None:
        """The first event with a greater number."""
        found = None
        for entry in reversed(self._newest.values()):
            if entry.number <= number:
                break
            found = entry
        return found

    def wake(self) -> None:
        self._news.set()
        self._news = asyncio.Event()

    def end_gone(self) -> None:
        """Those whose connection is gone need not find out by writing to it."""
        for reader in self.readers:
            if reader.is_gone():
                reader.end()
        self.readers = [reader for reader in self.readers if not reader.is_over]
        self.wake()

    @property
    def news(self) -> asyncio.Event:
        """Set at the next event; ask anew each time."""
        return self._news


class Events:
    """All feeds of one life of the process. Use from one event loop; nothing here waits but `read`."""

    def __init__(self, heartbeat_s: float = HEARTBEAT_S) -> None:
        self._heartbeat_s = heartbeat_s
        self._number = 0
        self._feeds: OrderedDict[str, _Feed] = OrderedDict()
        self._status: _Entry | None = None
        self._is_closed = False

    @property
    def has_readers(self) -> bool:
        """Somebody looks."""
        return any(feed.readers for feed in self._feeds.values())

    def is_followed(self, owner: str) -> bool:
        """Somebody looks at this person's feed or may come back to it: to others nothing need be encoded."""
        return owner in self._feeds

    def publish(self, owner: str, key: str, kind: str, body: bytes) -> None:
        """Tell all streams of `owner`; takes the place of what was said about `key` before."""
        if feed := self._feeds.get(owner):
            feed.put(key, self._entry(kind, body))

    def tell_status(self, body: bytes) -> None:
        """Tell everybody, if it is news."""
        if self._status is None or self._status.body != body:
            self._status = self._entry("status", body)
            self._wake_all()

    def end_session(self, session: str) -> None:
        """End the streams of a session that was signed out."""
        for feed in self._feeds.values():
            for reader in feed.readers:
                if reader.session == session:
                    reader.end()
            feed.wake()

    def forget(self, owner: str) -> None:
        """Keep nothing of what was told to them, and end their streams: who comes back begins anew."""
        if feed := self._feeds.pop(owner, None):
            for reader in feed.readers:
                reader.end()
            feed.wake()

    def close(self) -> None:
        """End every stream at once, and begin none."""
        self._is_closed = True
        for feed in self._feeds.values():
            for reader in feed.readers:
                reader.end()
        self._wake_all()

    def open(self, owner: str, reader: Reader) -> None:
        """Count a reader in. Raises: TooManyReaders, NotServing."""
        if self._is_closed:
            raise NotServing
        feed = self._feeds.get(owner) or self._new_feed(owner)
        self._feeds.move_to_end(owner)
        feed.end_gone()
        if len(feed.readers) >= MAX_READERS:
            raise TooManyReaders
        feed.readers.append(reader)

    def leave(self, owner: str, reader: Reader) -> None:
        """Count a reader out; its feed stays for those who come back."""
        if feed := self._feeds.get(owner):
            feed.readers = [each for each in feed.readers if each is not reader]

    async def read(
        self, owner: str, reader: Reader, last_id: str | None, snapshot: Snapshot
    ) -> AsyncGenerator[bytes, None]:
        """Events to write, without end, until the reader is over. `snapshot` is the body of a "reset".

        The place in the feed is taken before the snapshot is: what happens meanwhile comes after it.
        """
        feed = self._feeds.get(owner)
        if feed is None:  # forgotten since it was opened
            return
        at = self._resumed(last_id, feed)
        yield RETRY
        while not reader.is_over:
            news = feed.news
            if at is None or at < feed.floor:
                at = self._number
                status = self._status
                yield _written(feed, _Entry(at, "reset", await snapshot()))
                if status:
                    yield _written(feed, _Entry(at, status.kind, status.body))
            elif entry := self._next(feed, at):
                at = entry.number
                yield _written(feed, entry)
            elif not await _set_within(news, self._heartbeat_s):
                yield HEARTBEAT

    def _next(self, feed: _Feed, at: int) -> _Entry | None:
        entry, status = feed.after(at), self._status
        if status and status.number > at and (entry is None or status.number < entry.number):
            return status
        return entry

    def _resumed(self, last_id: str | None, feed: _Feed) -> int | None:
        """The number that somebody read up to; None if it cannot be gone on from."""
        name, _, digits = (last_id or "").partition("-")
        if name != feed.name or not digits.isascii() or not digits.isdecimal() or len(digits) > 18:
            return None
        return int(digits) if feed.floor <= int(digits) <= self._number else None

    def _new_feed(self, owner: str) -> _Feed:
        self._feeds[owner] = _Feed(self._number)
        idle = [name for name, feed in self._feeds.items() if not feed.readers and name != owner]
        for name in idle[: max(0, len(self._feeds) - MAX_FEEDS)]:
            del self._feeds[name]
        return self._feeds[owner]

    def _entry(self, kind: str, body: bytes) -> _Entry:
        self._number += 1
        return _Entry(self._number, kind, body)

    def _wake_all(self) -> None:
        for feed in self._feeds.values():
            feed.wake()


def _written(feed: _Feed, entry: _Entry) -> bytes:
    head = f"id: {feed.name}-{entry.number}\nevent: {entry.kind}\ndata: "
    return head.encode() + entry.body + b"\n\n"  # JSON has no line breaks of its own


async def _set_within(news: asyncio.Event, timeout_s: float) -> bool:
    try:
        async with asyncio.timeout(timeout_s):
            await news.wait()
    except TimeoutError:
        return False
    return True
