"""What admins did, newest first. Only reads: it is written with each act (`acts.py`)."""

from storage.database import Database
from storage.records import AuditRow
from storage.rows import clean
from storage.statements import Reading, Row

_WITHIN = "(:place IS NULL OR place = :place OR substr(place, 1, length(:place) + 1) = :place || ':')"


class Audit:
    """The book of acts."""

    def __init__(self, database: Database) -> None:
        self._database = database

    async def page(self, page: int, n: int = 20, place: str | None = None) -> tuple[tuple[AuditRow, ...], int]:
        """The page, counted from 1 and newest first, and how many acts there are; None: of all places.

        A place has its own acts and those of all places within it.
        """
        within = clean(place) if place else None

        async def ask(reading: Reading) -> tuple[tuple[AuditRow, ...], int]:
            rows = await reading.rows(
                "SELECT at_ms, coalesce(nullif(actors.name, ''), actors.owner), place, act, "  # noqa: S608  # a constant
                "iif(target IS NULL, NULL, coalesce(nullif(targets.name, ''), targets.owner)), words "
                "FROM audit JOIN people AS actors ON actors.id = actor "
                "LEFT JOIN people AS targets ON targets.id = target "
                f"WHERE {_WITHIN} ORDER BY no DESC LIMIT :n OFFSET :skip",
                place=within,
                n=max(0, n),
                skip=(max(page, 1) - 1) * max(0, n),
            )
            total = await reading.value(f"SELECT count(*) FROM audit WHERE {_WITHIN}", place=within)  # noqa: S608  # a constant
            return tuple(_audit_row(row) for row in rows), int(total)

        return await self._database.read(ask)


def _audit_row(row: Row) -> AuditRow:
    return AuditRow(at_s=row[0] / 1_000, actor=row[1], place=row[2], act=row[3], target=row[4], words=row[5])
