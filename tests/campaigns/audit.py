"""What is true in the end: every promise of a data folder and its chats against each other. Reads only."""

import hashlib
import sqlite3
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from storage.files import PART_PATTERN
from storage.pictures import MARK
from storage.store import DATABASE_NAME, PICTURES_NAME
from tests.fakes.chat_server import ChatServer, Happening, Message
from tests.fakes.wire_chat import BROKE

_MOST_SAID = 12
# Statements that must find nothing, and what it means if they do.
_NEVER = {
    "a request or a job still waits": "SELECT id FROM requests WHERE state = 'waiting' AND NOT is_deleted UNION ALL "
    "SELECT id FROM jobs WHERE state = 'waiting'",
    "something is still to be told": "SELECT request, kind FROM outbox WHERE state IN ('pending', 'sending')",
    "a job is done and has no picture": "SELECT id FROM jobs WHERE state = 'done' AND no NOT IN "
    "(SELECT job FROM pictures)",
    "a picture's job is not done": "SELECT jobs.id FROM pictures JOIN jobs ON jobs.no = job WHERE jobs.state <> 'done'",
    "a person's pictures are counted wrongly": "SELECT owner FROM people WHERE n_pictures <> "
    "(SELECT count(*) FROM pictures WHERE person = people.id)",
    "a picture's files are not kept": "SELECT pictures.id FROM pictures JOIN files ON files.id IN "
    "(file, thumbnail, animation) WHERE files.state <> 'kept'",
    "a file is still leaving": "SELECT hex(hash) FROM files WHERE state = 'leaving'",
    "a request is over and its end was never put into the outbox": "SELECT id FROM requests WHERE NOT is_deleted "
    "AND state IN ('done', 'failed', 'cancelled') AND kind <> 'show' AND no NOT IN "
    "(SELECT request FROM outbox WHERE kind = 'result')",
    "a job that was drawn was not charged": "SELECT id FROM jobs WHERE state = 'done' AND cost > 0 AND id NOT IN "
    "(SELECT job FROM charges WHERE job IS NOT NULL AND kind = 'drawing')",
    "a job that was drawn was refunded, though it was told": "SELECT jobs.id FROM jobs JOIN charges ON job = jobs.id "
    "JOIN outbox ON outbox.request = jobs.request AND outbox.kind = 'result' WHERE jobs.state = 'done' "
    "AND is_refunded AND outbox.state = 'sent'",
    "a job that failed was not refunded": "SELECT jobs.id FROM jobs JOIN charges ON job = jobs.id "
    "WHERE jobs.state = 'failed' AND NOT is_refunded",
    "a job was charged that is no job": "SELECT job FROM charges WHERE job IS NOT NULL AND job NOT IN "
    "(SELECT id FROM jobs) AND NOT EXISTS (SELECT 1 FROM requests WHERE is_deleted "
    "AND requests.id = substr(job, 1, instr(job, '-') - 1))",
}


@dataclass(kw_only=True)
class Tally:
    """Counts of one data folder or of many. `wrongs` are sentences, one for each integrity error."""

    acknowledged: int = 0
    lost: int = 0
    doubled: int = 0
    ambiguous: int = 0
    refused: int = 0
    extra_placeholders: int = 0
    wrongs: list[str] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)

    def add(self, other: "Tally") -> None:
        """Both together."""
        self.acknowledged += other.acknowledged
        self.lost += other.lost
        self.doubled += other.doubled
        self.ambiguous += other.ambiguous
        self.refused += other.refused
        self.extra_placeholders += other.extra_placeholders
        self.wrongs += other.wrongs
        self.notes += other.notes

    def line(self) -> str:
        """The last line of a campaign."""
        return (
            f"acknowledged={self.acknowledged} lost={self.lost} doubled={self.doubled} "
            f"ambiguous={self.ambiguous} integrity_errors={len(self.wrongs)}"
        )

    def sentences(self) -> list[str]:
        """What went wrong, as much of it as anybody reads."""
        everything = [*self.notes, *self.wrongs]
        more = [f"and {len(everything) - _MOST_SAID} more"] if len(everything) > _MOST_SAID else []
        return [*everything[:_MOST_SAID], *more]

    @property
    def is_good(self) -> bool:
        """Whether every promise was kept."""
        return not (self.lost or self.doubled or self.wrongs)


def connect(data_dir: Path) -> sqlite3.Connection:
    """A connection that cannot write."""
    return sqlite3.connect(f"file:{data_dir / DATABASE_NAME}?mode=ro", uri=True, timeout=5.0)


def is_settled(data_dir: Path) -> bool:
    """Nothing is left to be taken care of, made or told."""
    connection = connect(data_dir)
    try:
        open_ones = (
            "SELECT (SELECT count(*) FROM requests WHERE state = 'waiting' AND NOT is_deleted) + "
            "(SELECT count(*) FROM outbox WHERE state IN ('pending', 'sending')) + "
            "(SELECT count(*) FROM arrivals WHERE body IS NOT NULL)"
        )
        return bool(connection.execute(open_ones).fetchone() == (0,))
    except sqlite3.OperationalError:  # it is not there yet, or being migrated
        return False
    finally:
        connection.close()


def tally(data_dir: Path, servers: Mapping[str, ChatServer]) -> Tally:
    """Everything; the bot must have ended."""
    counts = Tally()
    connection = connect(data_dir)
    try:
        counts.wrongs += [*of_the_database(connection), *of_the_files(connection, data_dir / PICTURES_NAME)]
        for name, server in servers.items():
            for happening in server.happenings:
                _count(counts, connection, name, server, happening)
    finally:
        connection.close()
    counts.wrongs += [*_of_the_silences(servers), *_of_the_words(servers)]
    return counts


def of_the_database(connection: sqlite3.Connection) -> Iterator[str]:
    ask = connection.execute
    if (found := ask("PRAGMA integrity_check").fetchall()) != [("ok",)]:
        yield f"integrity_check: {found[:3]}"
    if found := ask("PRAGMA foreign_key_check").fetchall():
        yield f"foreign_key_check: {found[:3]}"
    for meaning, statement in _NEVER.items():
        if found := ask(statement).fetchall():
            yield f"{meaning}: {len(found)}, such as {found[0]}"


def of_the_files(connection: sqlite3.Connection, folder: Path) -> Iterator[str]:
    kept = dict(connection.execute("SELECT lower(hex(hash)), n_bytes FROM files WHERE state = 'kept'"))
    there = {file.name: file for file in folder.rglob("*") if file.is_file()}
    for name, n_bytes in kept.items():
        file = there.pop(name, None)
        if file is None:
            yield f"the file {name} is missing"
        elif file.stat().st_size != n_bytes or hashlib.sha256(file.read_bytes()).hexdigest() != name:
            yield f"the file {name} is damaged"
    parts = [name for name, file in there.items() if file.match(PART_PATTERN)]
    if parts:
        yield f"{len(parts)} parts of files were left"


def orphans(data_dir: Path) -> int:
    """Whole files that no row knows, and no mark names for the next start to look at."""
    connection = connect(data_dir)
    kept = {row[0] for row in connection.execute("SELECT lower(hex(hash)) FROM files WHERE state = 'kept'")}
    connection.close()
    there = {each.name for each in (data_dir / PICTURES_NAME).rglob("*") if each.is_file()}
    marked = {each.removesuffix(MARK) for each in there if each.endswith(MARK)}
    return sum(1 for each in there if each not in kept and each not in marked and not each.endswith(MARK))


def _of_the_silences(servers: Mapping[str, ChatServer]) -> Iterator[str]:
    for name, server in servers.items():
        if offences := server.counts.offences:
            yield f"{name}: spoke {len(offences)} times to a chat that had asked for silence: {offences[:3]}"


def _of_the_words(servers: Mapping[str, ChatServer]) -> Iterator[str]:
    broken = {each.text for server in servers.values() for each in server.messages.values() if BROKE[:-1] in each.text}
    if broken:
        yield f"{len(broken)} times something broke, such as {min(broken)!r}"


def _count(counts: Tally, connection: sqlite3.Connection, name: str, server: ChatServer, happening: Happening) -> None:
    row = connection.execute(
        "SELECT id, requests.state, is_deleted, outbox.state, requests.no FROM requests LEFT JOIN outbox "
        "ON outbox.request = requests.no AND outbox.kind = 'result' WHERE event_key = ?",
        (f"{name}:{happening.id}",),
    ).fetchone()
    where = f"{name}:{happening.id} {happening.words or happening.button!r}"
    messages = server.answers_to(happening)
    results = [each for each in messages if each.shows_a_result]
    if not happening.is_confirmed:
        counts.wrongs.append(f"{where} was never taken care of")
    if row is None:
        is_silent = bool(happening.words) and happening.is_confirmed and not happening.was_spoken_to
        if happening.was_acknowledged or is_silent:
            counts.acknowledged += 1
            counts.lost += 1
            counts.notes.append(f"lost: {where} was taken, and there is no request and no answer")
        return
    counts.acknowledged += 1
    request, state, is_deleted, told, no = row
    counts.extra_placeholders += max(0, len([each for each in messages if each.request]) - max(1, len(results)))
    if told == "ambiguous":
        counts.ambiguous += 1
    if is_deleted:
        _count_deleted(counts, connection, server, no, where, results)
        return
    if len(results) > 1:
        counts.doubled += 1
        counts.notes.append(f"doubled: {where} ({request}) is seen in {[each.id for each in results]}")
    if results and results[0].files:
        _check_files(counts, connection, no, where, results[0].files)
    if not results and told == "dead" and happening.was_refused:
        counts.refused += 1
    elif not results and told != "ambiguous":
        counts.lost += 1
        counts.notes.append(f"lost: {where} ({request}) is {state}, its result {told}; seen: {messages}")


def _count_deleted(
    counts: Tally, connection: sqlite3.Connection, server: ChatServer, no: int, where: str, results: list[Message]
) -> None:
    """What is seen of it is wrong, unless its name got lost and nobody can look for it."""
    told = connection.execute("SELECT state FROM outbox WHERE request = ? AND kind = 'withdraw'", (no,)).fetchone()
    (remote_id,) = connection.execute("SELECT remote_id FROM requests WHERE no = ?", (no,)).fetchone()
    seen = [each for each in results if each.id == remote_id or server.rules.has_history]
    if results and not seen:
        counts.ambiguous += 1
    if seen and (told is None or told[0] == "sent"):
        counts.wrongs.append(f"{where} was deleted and is seen: {seen} (withdraw: {told})")


def _check_files(counts: Tally, connection: sqlite3.Connection, no: int, where: str, files: tuple[str, ...]) -> None:
    kept = connection.execute(
        "SELECT lower(hex(hash)) FROM pictures JOIN files ON files.id = file WHERE request = ? ORDER BY number", (no,)
    ).fetchall()
    if [each for (each,) in kept] != list(files):
        counts.wrongs.append(f"{where} shows other pictures than it has")
