"""What is kept about a person, as plain values that can be written as JSON. Only reads. Knows nothing of files."""

# ruff: noqa: S608  # statements are put together from constants of ours; what people say is always a bound value

from datetime import UTC, datetime

import msgspec

from storage.statements import Reading, Row
from storage.tuning import PERSON, values_of

REQUESTS = (
    "SELECT requests.no, requests.id, places.place, reply_to, asker, kind, words, parent, state, sentence, created_ms, "
    "ended_ms FROM requests JOIN places ON places.id = requests.place "
    "WHERE person = :person AND no > :seen ORDER BY no LIMIT :batch"
)


async def about_person(reading: Reading, members: tuple[int, ...], now_s: float) -> dict[str, object]:
    """All but the requests. Of acts what was done, not who else was in it."""
    among = ", ".join(str(member) for member in members) or "NULL"
    people = await reading.rows(
        "SELECT owner, name, is_operator, is_allowed, first_ms, last_ms, n_pictures, gpu_s, id FROM people "
        f"WHERE id IN ({among})"
    )
    bans = await reading.rows(f"SELECT place, reason, until_ms, at_ms FROM bans WHERE person IN ({among})")
    charges = await reading.rows(
        f"SELECT day, kind, cost, gpu_s, n_pictures, is_refunded FROM charges WHERE person IN ({among}) ORDER BY no"
    )
    acts = await reading.rows(
        f"SELECT at_ms, place, act, words, actor IN ({among}) FROM audit "
        f"WHERE actor IN ({among}) OR target IN ({among}) ORDER BY no"
    )
    events = await reading.rows(f"SELECT at_ms, answer FROM inbox WHERE person IN ({among}) ORDER BY at_ms")
    owners = [row[0] for row in people]
    sessions = [
        await reading.value("SELECT count(*) FROM sessions WHERE owner = :owner", owner=owner) for owner in owners
    ]
    return {
        "made": _time(now_s * 1_000),
        "accounts": [
            {
                "account": row[0],
                "name": row[1],
                "is_operator": bool(row[2]),
                "is_allowed": None if row[3] is None else bool(row[3]),
                "first_seen": _time(row[4]),
                "last_seen": _time(row[5]),
                "n_pictures": row[6],
                "seconds_of_the_device": row[7],
                "n_sessions_of_the_page": n_sessions,
                "settings": await values_of(reading, f"{PERSON}{row[8]}"),
            }
            for row, n_sessions in zip(people, sessions)
        ],
        "bans": [{"place": row[0], "reason": row[1], "until": _time(row[2]), "since": _time(row[3])} for row in bans],
        "quota": [
            {
                "day": _day(row[0]),
                "kind": row[1],
                "standard_pictures": row[2],
                "seconds_of_the_device": row[3],
                "n_pictures": row[4],
                "is_refunded": bool(row[5]),
            }
            for row in charges
        ],
        "acts": [
            {"at": _time(row[0]), "place": row[1], "act": row[2], "words": row[3], "was_by_you": bool(row[4])}
            for row in acts
        ],
        "events_of_two_days": [{"at": _time(row[0]), "answer": row[1]} for row in events],
    }


async def about_request(reading: Reading, row: Row) -> dict[str, object]:
    """A row of `REQUESTS` with its jobs and pictures."""
    jobs = await reading.rows(
        "SELECT jobs.id, label, recipe, n_pictures, treatment, jobs.state, cost, waited_ms, sentence, lower(hex(hash)) "
        "FROM jobs LEFT JOIN files ON files.id = source WHERE request = :no ORDER BY ordinal",
        no=row[0],
    )
    pictures = await reading.rows(
        "SELECT number, recipe, label, treatment, width_px, height_px, gpu_s, created_ms, shared_ms FROM pictures "
        "WHERE request = :no ORDER BY number",
        no=row[0],
    )
    return {
        "id": row[1],
        "place": row[2],
        "reply_to": row[3],
        "name": row[4],
        "kind": row[5],
        "words": row[6],
        "from_picture": row[7],
        "state": row[8],
        "answer": row[9],
        "asked": _time(row[10]),
        "ended": _time(row[11]),
        "jobs": [
            {
                "id": job[0],
                "label": job[1],
                "recipe": msgspec.Raw(job[2].encode()),
                "n_pictures": job[3],
                "treatment": job[4],
                "state": job[5],
                "standard_pictures": job[6],
                "waited_s": None if job[7] is None else job[7] / 1_000,
                "answer": job[8],
                "source": job[9] or None,
            }
            for job in jobs
        ],
        "pictures": [
            {
                "name": f"{row[1]}.{picture[0]}",
                "recipe": msgspec.Raw(picture[1].encode()),
                "label": picture[2],
                "treatment": picture[3],
                "width_px": picture[4],
                "height_px": picture[5],
                "seconds_of_the_device": picture[6],
                "made": _time(picture[7]),
                "shared": _time(picture[8]),
            }
            for picture in pictures
        ],
    }


def _time(at_ms: float | None) -> str | None:
    return None if at_ms is None else datetime.fromtimestamp(at_ms / 1_000, UTC).isoformat(timespec="seconds")


def _day(day: int) -> str:
    return datetime.fromtimestamp(day * 86_400, UTC).date().isoformat()
