"""What came of what people asked a chat for: the data folder against all that can be seen there. Reads only."""

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from storage.store import PICTURES_NAME
from tests.campaigns import audit
from tests.campaigns.stages import Sights

_MOST_SAID = 20
_BETWEEN_LIVES = (sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_BUSY)
_KEPT = ("dead", "ambiguous")  # /collect has it
_ROWS = (
    "SELECT requests.no, requests.id, event_key, reply_to, requests.state, outbox.state, outbox.reason FROM requests "
    "LEFT JOIN outbox ON outbox.request = requests.no AND outbox.kind = 'result' ORDER BY requests.no"
)
_NEW = "SELECT no, event_key, id FROM requests WHERE no > ? ORDER BY no"
_GIVEN_UP = (
    "SELECT requests.id, reply_to FROM outbox JOIN requests ON requests.no = outbox.request "
    "WHERE outbox.kind = 'result' AND outbox.state IN ('dead', 'ambiguous')"
)
_FILES = "SELECT lower(hex(hash)) FROM pictures JOIN files ON files.id = file WHERE request = ? ORDER BY number"


@dataclass(kw_only=True)
class Count:
    """`notes` say where something was lost or doubled, `wrongs` what else does not fit together."""

    deliveries: int = 0
    lost: int = 0
    doubled: int = 0
    ambiguous: int = 0
    refused: int = 0
    offences: int = 0
    notes: list[str] = field(default_factory=list)
    wrongs: list[str] = field(default_factory=list)

    def line(self) -> str:
        """The last line of the campaign."""
        return (
            f"deliveries={self.deliveries} lost={self.lost} doubled={self.doubled} ambiguous={self.ambiguous} "
            f"refused={self.refused} offences={self.offences}"
        )

    def sentences(self) -> list[str]:
        """What went wrong, as much of it as anybody reads."""
        everything = [*self.notes, *self.wrongs]
        more = [f"and {len(everything) - _MOST_SAID} more"] if len(everything) > _MOST_SAID else []
        return [*everything[:_MOST_SAID], *more]

    @property
    def is_good(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.doubled or self.offences or self.wrongs)


class Ledger:
    """What the bot has taken in, and given up to tell; read while it lives."""

    def __init__(self, data_dir: Path) -> None:
        self._data_dir = data_dir
        self._last = 0
        self.request_of: dict[str, str] = {}  # by event
        self.given_up: dict[str, str] = {}  # request → its reply_to

    def read(self) -> None:
        """What is new."""
        connection = audit.connect(self._data_dir)
        try:
            for last, event, request in connection.execute(_NEW, (self._last,)):
                self._last, self.request_of[event] = last, request
            self.given_up = dict(connection.execute(_GIVEN_UP).fetchall())
        except sqlite3.OperationalError as exc:
            if exc.sqlite_errorcode not in _BETWEEN_LIVES:
                raise
        finally:
            connection.close()


def count(data_dir: Path, sights: Sights) -> Count:
    """Everything; the bot must have ended."""
    found = Count(offences=len(sights.offences))
    found.notes += [f"spoke in a pause: {each}" for each in sights.offences]
    connection = audit.connect(data_dir)
    try:
        rows = connection.execute(_ROWS).fetchall()
        for row in rows:
            _count_one(found, sights, row)
            hashes = [each for (each,) in connection.execute(_FILES, (row[0],))]
            files = tuple(data_dir / PICTURES_NAME / each[:2] / each for each in hashes)
            found.wrongs += _other_files(sights, row[1], files)
        found.wrongs += audit.of_the_database(connection)
        found.wrongs += audit.of_the_files(connection, data_dir / PICTURES_NAME)
    finally:
        connection.close()
    for event in sorted({*sights.unanswered()} - {row[2] for row in rows}):
        found.deliveries += 1
        found.lost += 1
        found.notes.append(f"lost: {event} was asked, and there is no request and no answer")
    for request in sorted(sights.told_of() - {row[1] for row in rows}):
        found.deliveries += 1
        found.lost += 1
        found.notes.append(f"lost: somebody was told of {request}, and there is no such request")
    found.wrongs += [*sights.problems(), *sights.wrongs()]
    return found


def _count_one(found: Count, sights: Sights, row: tuple[int, str, str, str, str, str | None, str | None]) -> None:
    _, request, event, reply_to, state, told, reason = row
    found.deliveries += 1
    ends = sights.ends_of(request)
    where = f"{request} ({event}, {state}, its end {told} {reason!r})"
    if told == "ambiguous":
        found.ambiguous += 1
    if len(ends) > 1:
        found.doubled += 1
        found.notes.append(f"doubled: {where}: {sights.story(request)}")
    if ends or (told not in _KEPT and sights.was_shown(request)):
        return
    if told == "dead" and sights.was_refused(request, reply_to):
        found.refused += 1
    elif told != "ambiguous":
        found.lost += 1
        found.notes.append(f"lost: {where}: {sights.story(request)}")


def _other_files(sights: Sights, request: str, files: tuple[Path, ...]) -> Iterator[str]:
    ends = sights.ends_of(request)
    shown = sights.shown_of(files) if ends else ()
    for end in ends:
        if end.files != shown:
            yield f"{request} shows {len(end.files)} files in {end.where}, and has {len(files)} others"
