"""A data folder as version 1 of the database left it, with requests that were acknowledged and are not drawn yet."""

import sqlite3
from pathlib import Path

import msgspec

from storage import migrate
from storage.ids import new_request_id
from storage.store import DATABASE_NAME
from tests.fakes import remembered

_NOW_MS = 1_800_000_000_000


def make(data_dir: Path, asked: list[tuple[str, str, str, str]]) -> None:
    """A database with a waiting request for each (event key, owner, place, reply to)."""
    data_dir.mkdir(parents=True)
    connection = sqlite3.connect(data_dir / DATABASE_NAME, isolation_level=None)
    connection.execute("PRAGMA journal_mode = WAL")
    first = migrate.migrations()[1].read_text(encoding="utf-8")
    connection.executescript(f"{first}; PRAGMA application_id = {migrate.APPLICATION_ID}; PRAGMA user_version = 1;")
    for number, each in enumerate(asked, 1):
        _keep(connection, number, *each)
    connection.close()


def _keep(connection: sqlite3.Connection, number: int, key: str, owner: str, place: str, reply_to: str) -> None:
    for table, column, value in (("people", "owner", owner), ("places", "place", place)):
        columns, row = ("", ()) if table == "places" else (", name", ("Ann",))
        marks = ", ?" * len(row)
        connection.execute(
            f"INSERT INTO {table} ({column}, first_ms, last_ms{columns}) VALUES (?, ?, ?{marks}) "
            f"ON CONFLICT ({column}) DO NOTHING",
            (value, _NOW_MS, _NOW_MS, *row),
        )
    request = new_request_id()
    connection.execute(
        "INSERT INTO requests (no, id, event_key, person, place, reply_to, asker, kind, words, state, sentence, "
        "created_ms) SELECT ?, ?, ?, people.id, places.id, ?, 'Ann', 'imagine', '/imagine old', 'waiting', '', ? "
        "FROM people, places WHERE people.owner = ? AND places.place = ?",
        (number, request, key, reply_to, _NOW_MS, owner, place),
    )
    recipe = msgspec.json.encode(remembered.recipe(f"old thing {number}", seed=number)).decode()
    connection.execute(
        "INSERT INTO jobs (id, request, ordinal, first_number, label, recipe, n_pictures, state) "
        "VALUES (?, ?, 1, 1, '', ?, 1, 'waiting')",
        (f"{request}-1", number, recipe),
    )
