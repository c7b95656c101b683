"""What must hold in every history: after each commit, while all is quiet, and in the end.

Each looks at what is saved and at what people see, past the bot's own code, and complains to the world. Charges are
worked out here a second time, from what workers did to jobs and how jobs ended.
"""

import asyncio
import sqlite3
from collections import defaultdict

from bot.house import House
from bot.requests import BanSomebody, Cancel
from engine.domain import Waiting
from tests.sim.chats import Message, Server
from tests.sim.script import EDITS, OPERATOR, Ill
from tests.sim.worker import UNPAINTABLE
from tests.sim.world import World

_CENT = 1e-6
_TOLD_WITHIN_S = 1.5


# After each commit


def after_commit(world: World) -> None:
    """No limit is exceeded by what is saved, ever."""
    limits = world.script.limits
    waiting = world.rows(
        "SELECT head.owner AS owner, count(*) AS n FROM jobs JOIN requests ON requests.no = jobs.request "
        "JOIN people ON people.id = requests.person JOIN people AS head ON head.id = coalesce(people.head, people.id) "
        "WHERE jobs.state = 'waiting' GROUP BY head.owner"
    )
    for row in waiting:
        if row["n"] > limits.in_flight and row["owner"] != OPERATOR and not world.linked:
            world.complain(f"{row['owner']} has {row['n']} jobs in flight, {limits.in_flight} is the most")
    total = sum(row["n"] for row in waiting)
    if total > limits.most_waiting:
        world.complain(f"{total} jobs wait, {limits.most_waiting} is the most")


# While it lives


async def positions(world: World, house: House) -> None:
    """Who waits is told the true place, wherever the queue stands still for long enough to tell it."""
    before = _queue(house)
    await asyncio.sleep(_TOLD_WITHIN_S)
    if _queue(house) != before:
        return
    for position, (job_id, _) in enumerate(before, 1):
        live = house.runner.live(job_id.partition("-")[0])
        event = live._events.get(job_id) if live else None
        if isinstance(event, Waiting) and event.position != position:
            world.complain(f"{job_id} is told to be number {event.position} and is {position} of {len(before)}")
        if live and event is None:
            world.complain(f"{job_id} waits as number {position} and was told nothing")


def _queue(house: House) -> list[tuple[str, object]]:
    """Who waits, in order; one that was drawn meanwhile and waits again is somebody else."""
    feeder = house.engine._feeder
    return [(job_id, feeder.waiting[job_id]) for job_id in feeder.queue.order()]


# While it settles


def open_ends(world: World) -> list[str]:
    """What is saved and not over yet."""
    requests = [f"{row['id']} waits" for row in world.rows("SELECT id FROM requests WHERE state = 'waiting'")]
    jobs = [f"{row['id']} waits" for row in world.rows("SELECT id FROM jobs WHERE state = 'waiting'")]
    untold = world.rows(
        "SELECT requests.id AS id, outbox.kind AS kind, outbox.state AS state, reason FROM outbox JOIN requests "
        "ON requests.no = outbox.request WHERE outbox.state IN ('pending', 'sending')"
    )
    return [*requests, *jobs, *(f"{row['id']} {row['kind']} {row['state']} {row['reason']}" for row in untold)]


async def standings(world: World, house: House) -> None:
    """What the bot says of today's use is what is saved."""
    for person in world.script.people:
        try:
            standing = await house.store.ledger.standing(person.account, person.place, (), person.account == OPERATOR)
        except LookupError:
            continue
        today = int(world.clock.wall_s() // 86_400)
        rows = world.rows(
            "SELECT coalesce(sum(cost), 0) AS cost FROM charges WHERE kind = 'drawing' AND NOT is_refunded AND day = ? "
            "AND person IN (SELECT id FROM people WHERE coalesce(head, id) = "
            "(SELECT coalesce(head, id) FROM people WHERE owner = ?))",
            today,
            person.account,
        )
        if not world.linked and abs(standing.used - rows[0]["cost"]) > _CENT:
            world.complain(f"{person.account} is said to have used {standing.used}, and did {rows[0]['cost']}")
        if standing.n_in_flight:
            world.complain(f"{person.account} is said to have {standing.n_in_flight} in flight when nothing is")


# In the end


def in_the_end(world: World) -> None:
    """Everything that was promised, once the bot has stopped."""
    _check_file(world)
    _check_promises(world)
    _check_sights(world)
    _check_charges(world)
    _check_daily(world)
    _check_rate(world)
    _check_pictures(world)
    for server in world.servers.values():
        for complaint in server.complaints:
            world.complain(f"{server.name}: {complaint}")


def _check_file(world: World) -> None:
    found = [row[0] for row in world.rows("PRAGMA integrity_check")]
    if found != ["ok"]:
        world.complain(f"the database is damaged: {found}")
    if world.rows("PRAGMA foreign_key_check"):
        world.complain("a row refers to nothing")


def _check_promises(world: World) -> None:
    """What was acknowledged, in an answer or a chat, is kept, and its end is told or accounted for."""
    saved = {row["id"]: row for row in world.rows("SELECT * FROM requests")}
    seen = {message.request for server in world.servers.values() for message in server.messages}
    for request in seen | world.acknowledged.keys():
        if request not in saved:
            world.complain(f"{request} was acknowledged and is lost")
    results = {
        row["id"]: row["state"]
        for row in world.rows(
            "SELECT requests.id AS id, outbox.state AS state FROM outbox JOIN requests ON requests.no = outbox.request "
            "WHERE outbox.kind = 'result'"
        )
    }
    for request, row in saved.items():
        if row["state"] == "offered" or row["is_deleted"] or row["kind"] != "imagine":
            continue
        if results.get(request) not in ("sent", "dead", "ambiguous"):
            world.complain(f"{request} is {row['state']} and its result is {results.get(request)}")
    if not any(isinstance(does.what, Cancel | BanSomebody) for does in world.script.doings):
        for request, row in saved.items():
            if row["state"] == "cancelled" and request not in world.target_of.values():
                world.complain(f"{request} is cancelled and nobody asked for that")
    keys = [row["event_key"] for row in saved.values()]
    if len(keys) != len(set(keys)):
        world.complain("an event made two requests")


def _check_sights(world: World) -> None:
    """What people see: each end once, and the end that is saved."""
    rows = world.rows(
        "SELECT requests.id AS id, requests.state AS state, requests.is_deleted AS is_deleted, places.place AS place, "
        "(SELECT state FROM outbox WHERE request = requests.no AND kind = 'result') AS result, "
        "(SELECT created_ms <> ended_ms FROM outbox WHERE request = requests.no AND kind = 'result') AS is_collected, "
        "(SELECT state FROM outbox WHERE request = requests.no AND kind = 'withdraw') AS withdraw, "
        "(SELECT state FROM outbox WHERE request = requests.no AND kind = 'acknowledge') AS acknowledge "
        "FROM requests JOIN places ON places.id = requests.place WHERE requests.kind = 'imagine'"
    )
    for row in rows:
        server = world.servers[row["place"].partition(":")[0]]
        seen = server.of(row["id"])
        ends = [message for message in seen if message.card.state.is_over]
        if row["is_deleted"]:
            _check_withdrawn(world, server, row, seen)
            continue
        if row["state"] == "offered" or row["is_collected"]:
            continue
        if len(ends) > 1:
            world.complain(f"{row['id']} is seen {len(ends)} times in {server.name}")
        if row["result"] == "sent" and not ends:
            world.complain(f"{row['id']} was sent to {server.name} and is not seen")
        for message in ends:
            if message.card.state != row["state"]:
                world.complain(f"{row['id']} is {row['state']} and shown as {message.card.state}")
        if row["result"] == "sent" and len(seen) > len(ends):
            _check_placeholders(world, server, row, seen)


def _check_placeholders(world: World, server: Server, row: sqlite3.Row, seen: list[Message]) -> None:
    """A placeholder that nobody knows the name of may stay where nothing can be listed; elsewhere none does."""
    if server.name == EDITS and world.script.ills & {Ill.CHATS, Ill.CUTS, Ill.STOPS, Ill.DISK}:
        return
    left = [message for message in seen if not message.card.state.is_over]
    if row["acknowledge"] == "sent":
        world.complain(f"{row['id']} still shows {left[0].card.state} in {server.name} beside its end")


def _check_withdrawn(world: World, server: Server, row: sqlite3.Row, seen: list[Message]) -> None:
    if seen and row["withdraw"] is None:
        world.complain(f"{row['id']} was deleted and is seen in {server.name}, and nothing takes it back")
    if row["withdraw"] == "sent" and seen and server.name != EDITS:
        world.complain(f"{row['id']} was deleted and is still seen in {server.name} as {seen[0].card.state}")


def _check_charges(world: World) -> None:
    """A job is charged once; what was not drawn, or not by their fault, is given back."""
    rows = world.rows(
        "SELECT charges.job AS job, charges.is_refunded AS is_refunded, charges.cost AS cost, jobs.cost AS price, "
        "jobs.state AS state, jobs.recipe AS recipe, "
        "(SELECT outbox.state FROM outbox WHERE outbox.request = requests.no AND outbox.kind = 'result') AS result, "
        "(SELECT outbox.created_ms <> requests.ended_ms FROM outbox WHERE outbox.request = requests.no "
        "AND outbox.kind = 'result') AS is_collected "
        "FROM charges LEFT JOIN jobs ON jobs.id = charges.job LEFT JOIN requests ON requests.no = jobs.request "
        "WHERE charges.kind = 'drawing'"
    )
    for row in rows:
        if row["state"] is not None and abs(row["cost"] - row["price"]) > _CENT:
            world.complain(f"{row['job']} costs {row['price']} and was charged {row['cost']}")
        expected = _is_refunded(world, row)
        if expected is not None and bool(row["is_refunded"]) != expected:
            world.complain(
                f"{row['job']} ({row['state']}, result {row['result']}) is "
                f"{'' if row['is_refunded'] else 'not '}refunded"
            )
    uncharged = world.rows(
        "SELECT jobs.id AS id, jobs.state AS state FROM jobs WHERE jobs.cost > 0 AND jobs.state IN "
        "('waiting', 'done', 'failed') AND NOT EXISTS (SELECT 1 FROM charges WHERE charges.job = jobs.id)"
    )
    for row in uncharged:
        world.complain(f"{row['id']} is {row['state']} and was never charged")


def _is_refunded(world: World, row: sqlite3.Row) -> bool | None:
    """Whether this charge is to be given back; None where it hangs on what the bot had heard when power failed."""
    if row["result"] == "dead":
        return True
    if row["is_refunded"] and (row["is_collected"] or _was_reset(world)):
        return None
    match row["state"]:
        case "done":
            return False
        case "failed" if UNPAINTABLE in row["recipe"]:
            return None  # it ends with its first step, which may be heard with its end
        case "failed":
            return True
        case _ if row["job"] not in world.stepped:
            return True
        case _:
            return None


def _was_reset(world: World) -> bool:
    return bool(world.rows("SELECT 1 FROM audit WHERE act = 'quota reset'"))


def _check_daily(world: World) -> None:
    """Nobody drew more in a day than they may and were given."""
    used: dict[tuple[str, int], float] = defaultdict(float)
    for row in world.rows(
        "SELECT head.owner AS owner, day, kind, sum(cost) AS cost FROM charges JOIN people ON people.id = person "
        "JOIN people AS head ON head.id = coalesce(people.head, people.id) WHERE NOT is_refunded GROUP BY 1, 2, 3"
    ):
        used[row["owner"], row["day"]] += row["cost"]
        if row["kind"] == "drawing" and row["cost"] < 0:
            world.complain(f"{row['owner']} was charged a negative cost")
    set_apart = {
        row["owner"]
        for row in world.rows(
            "SELECT owner FROM people JOIN settings ON subject = 'person:' || people.id WHERE key = 'daily'"
        )
    } | {
        row["owner"] for row in world.rows("SELECT people.owner AS owner FROM audit JOIN people ON people.id = target")
    }
    for (owner, day), cost in used.items():
        if cost > world.script.limits.daily + _CENT and owner not in set_apart | {OPERATOR} and not world.linked:
            world.complain(f"{owner} used {cost} on day {day}, {world.script.limits.daily} is the most")


def _check_rate(world: World) -> None:
    """Nobody asked more often than they may: no more than a burst above the rate in any stretch of time."""
    if world.linked or Ill.CLOCK in world.script.ills:
        return
    asked: dict[str, list[float]] = defaultdict(list)
    for row in world.rows(
        "SELECT people.owner AS owner, created_ms FROM requests JOIN people ON people.id = person "
        "WHERE kind != 'notice' ORDER BY created_ms"
    ):
        asked[row["owner"]].append(row["created_ms"] / 60_000)
    limits = world.script.limits
    for owner, minutes in asked.items():
        stretches = [
            (n - first, minutes[n] - minutes[first])
            for first in range(len(minutes))
            for n in range(first, len(minutes))
        ]
        # One more than the bucket holds: a request is counted a moment after it was made.
        if owner != OPERATOR and any(n > limits.burst + limits.rate * within for n, within in stretches):
            world.complain(f"{owner} asked {len(minutes)} times in {minutes[-1] - minutes[0]:.2f} minutes")


def _check_pictures(world: World) -> None:
    """A job that is done has its pictures, and each has its file."""
    short = world.rows(
        "SELECT jobs.id AS id, n_pictures, (SELECT count(*) FROM pictures WHERE pictures.job = jobs.no) AS n "
        "FROM jobs WHERE state = 'done' AND n != n_pictures"
    )
    for row in short:
        world.complain(f"{row['id']} is done with {row['n']} of {row['n_pictures']} pictures")
    for row in world.rows(
        "SELECT hex(hash) AS hash FROM files WHERE state = 'kept' "
        "AND EXISTS (SELECT 1 FROM pictures WHERE file = files.id)"
    ):
        if row["hash"].lower() not in world.files:
            world.complain(f"the file {row['hash'].lower()[:8]} of a picture is gone")


def counts(world: World) -> dict[str, int]:
    """How many requests there were, and how their ends were told."""
    rows = world.rows(
        "SELECT coalesce(outbox.state, 'offered') AS state, count(*) AS n FROM requests LEFT JOIN outbox "
        "ON outbox.request = requests.no AND outbox.kind = 'result' GROUP BY 1"
    )
    return {row["state"]: row["n"] for row in rows} | {"requests": sum(row["n"] for row in rows)}
