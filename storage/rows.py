"""Rows of the tables ↔ records: seconds and milliseconds, hex and bytes, recipes and JSON. Pure.

The column lists stand beside what reads them. A recipe that no longer decodes (an older one, out of a bound of today)
costs its own row only: it is left out with a line in the log.
"""

from collections.abc import Callable, Iterable
from typing import TypeVar

import msgspec
import structlog

from engine.domain import Recipe
from engine.errors import DarkroomError
from storage.records import JobRow, PictureRow, RequestRow, State
from storage.statements import Row

T = TypeVar("T")

REQUESTS = """
SELECT requests.id, event_key, coalesce(heads.owner, people.owner), people.owner, places.place, reply_to, asker, kind,
  words, parent, requests.state, sentence, created_ms, ended_ms,
  (SELECT hash FROM files WHERE files.id = grid AND state = 'kept'), is_deleted, remote_id
FROM requests CROSS JOIN people ON people.id = person LEFT JOIN people AS heads ON heads.id = people.head
CROSS JOIN places ON places.id = requests.place
"""
JOBS = """
SELECT jobs.id, requests.id, ordinal, first_number, label, recipe, n_pictures,
  (SELECT hash FROM files WHERE files.id = source AND state = 'kept'), treatment, jobs.state, n_losses, gpu_s,
  jobs.sentence, cost
FROM requests CROSS JOIN jobs ON jobs.request = requests.no
"""
PICTURE_COLUMNS = """
  requests.id, number, jobs.id, coalesce(heads.owner, people.owner), places.place, pictures.recipe, pictures.label,
  pictures.treatment,
  pixel_hash, (SELECT hash FROM files WHERE files.id = pictures.file AND state = 'kept'),
  (SELECT hash FROM files WHERE files.id = thumbnail),
  (SELECT hash FROM files WHERE files.id = animation AND state = 'kept'),
  width_px, height_px, pictures.gpu_s, pictures.created_ms
"""
PICTURE_NAMES = """
JOIN requests ON requests.no = pictures.request JOIN jobs ON jobs.no = pictures.job
JOIN people ON people.id = pictures.person LEFT JOIN people AS heads ON heads.id = people.head
JOIN places ON places.id = pictures.place
"""

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)
_recipes = msgspec.json.Decoder(Recipe)


def ms(seconds: float) -> int:
    """Unix seconds as they are stored."""
    return round(seconds * 1_000)


def hash_bytes(file_hash: str) -> bytes:
    """A hash as it is stored. What is no hash becomes one that nothing has."""
    try:
        return bytes.fromhex(file_hash)
    except ValueError:
        return b""


def clean(text: str) -> str:
    """Text as UTF-8 can hold it: half characters, as broken chats send them, become question marks."""
    return text.encode("utf-8", "replace").decode()


def recipe_json(recipe: Recipe) -> str:
    """A recipe as it is stored."""
    return msgspec.json.encode(recipe).decode()


def request_row(row: Row) -> RequestRow:
    """From a row of `REQUESTS`."""
    return RequestRow(
        id=row[0],
        event_key=row[1],
        owner=row[2],
        account=row[3],
        place=row[4],
        reply_to=row[5],
        asker=row[6],
        kind=row[7],
        words=row[8],
        parent=row[9],
        state=State(row[10]),
        sentence=row[11],
        created_s=row[12] / 1_000,
        ended_s=None if row[13] is None else row[13] / 1_000,
        grid_hash=_hex(row[14]),
        is_deleted=bool(row[15]),
        remote_id=row[16],
    )


def job_row(row: Row) -> JobRow:
    """From a row of `JOBS`. Raises: msgspec.MsgspecError or DarkroomError where the recipe does not decode."""
    return JobRow(
        id=row[0],
        request=row[1],
        ordinal=row[2],
        first_number=row[3],
        label=row[4],
        recipe=_recipes.decode(row[5]),
        n_pictures=row[6],
        source_file=_hex(row[7]),
        treatment=row[8],
        state=State(row[9]),
        n_losses=row[10],
        gpu_s=row[11],
        sentence=row[12],
        cost=row[13],
    )


def picture_row(row: Row) -> PictureRow:
    """From a row of `PICTURE_COLUMNS`. Raises: as `job_row`."""
    return PictureRow(
        request=row[0],
        number=row[1],
        job=row[2],
        owner=row[3],
        place=row[4],
        recipe=_recipes.decode(row[5]),
        label=row[6],
        treatment=row[7],
        pixel_hash=row[8].hex(),
        file_hash=_hex(row[9]),
        thumbnail_hash=row[10].hex(),
        animation_hash=_hex(row[11]),
        width_px=row[12],
        height_px=row[13],
        gpu_s=row[14],
        created_s=row[15] / 1_000,
    )


def readable(read: Callable[[Row], T], rows: Iterable[Row]) -> tuple[T, ...]:
    """The rows as records, without those whose recipe no longer decodes."""
    found = []
    for row in rows:
        try:
            found.append(read(row))
        except (msgspec.MsgspecError, DarkroomError) as exc:
            log.warning("a stored recipe does not decode", row=str(row[0]), reason=str(exc))
    return tuple(found)


def _hex(stored: bytes | None) -> str | None:
    return None if stored is None else stored.hex()
