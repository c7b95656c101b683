"""What happened here: figures of the last days with a chart, and what admins did. Changes nothing."""

from dataclasses import replace

from bot import answers
from bot.cards import Card, Field, Origin
from bot.desk import rights, sentences
from bot.desk.office import Office
from bot.desk.places import EVERYWHERE
from bot.desk.rights import Act
from bot.requests import ShowAudit, ShowStats
from bot.typography import cut
from engine.chart import DayFigures, Figures, PersonFigures
from engine.errors import JobError, UserError
from storage.records import AuditRow
from storage.statistics import Statistics

MOST_DAYS = 90  # a chart that long is still read
AUDIT_PAGE = 20
_TOP_IN_WORDS = 5
_MOST_AUDIT_PAGE = 1_000_000


class Insight:
    """Answers /stats and /audit."""

    def __init__(self, office: Office) -> None:
        self._office = office

    async def stats(self, origin: Origin, asked: ShowStats) -> Card:
        """Pictures, seconds, waits and people, with a chart where it can be drawn."""
        self._office.check(origin, Act.SEE_STATS, EVERYWHERE)
        if not 1 <= asked.n_days <= MOST_DAYS:
            raise UserError(f"Ask for 1 to {MOST_DAYS} days.")
        found = await self._office.store.statistics.of_days(asked.n_days)
        title = "Today" if asked.n_days == 1 else f"The last {asked.n_days} days"
        card = answers.note("stats", f"{title}:", *_figures(found))
        try:
            png = await self._office.finisher.chart(_chart(title, found))
        except JobError:  # the figures are worth having without it
            return card
        alt = f"Bar charts of {title.lower()}: pictures a day, seconds of the device a day, and the most active people."
        paper = await self._office.papers.keep(origin.owner, png, "image/png", "darkroom-stats.png", alt)
        return replace(card, paper=paper)

    async def audit(self, origin: Origin, asked: ShowAudit) -> Card:
        """A page of what admins did: everywhere for operators, here for a place admin."""
        realm = rights.realm(self._office.rank(origin), origin)
        place = origin.place if realm is None else realm
        self._office.check(origin, Act.SEE_AUDIT, place)
        if not 1 <= asked.page <= _MOST_AUDIT_PAGE:
            raise UserError("Pages count from 1.")
        rows, total = await self._office.store.audit.page(asked.page, AUDIT_PAGE, place or None)
        if not rows:
            return answers.note("audit", "Admins have done nothing yet." if not total else "There is no such page.")
        n_pages = -(-total // AUDIT_PAGE)
        more = f" Older ones: /audit {asked.page + 1}" if asked.page < n_pages else ""
        sentence = f"What admins did, newest first, page {asked.page} of {n_pages}.{more}"
        return answers.note("audit", sentence, *(self._told(row) for row in rows))

    def _told(self, row: AuditRow) -> Field:
        ago = f"{sentences.span(self._office.clock() - row.at_s)} ago"
        whom = f" · {cut(row.target)}" if row.target else ""
        words = f" · {row.words}" if row.words else ""
        return Field(name=f"{ago}, {cut(row.actor)}", value=f"{row.act}{whom}{words} · {sentences.where(row.place)}")


def _figures(found: Statistics) -> tuple[Field, ...]:
    n_pictures = sum(day.n_pictures for day in found.days)
    gpu_s = sum(day.gpu_s for day in found.days)
    ends = f"{found.n_requests:,}, {found.n_failed:,} failed, {found.n_cancelled:,} cancelled"
    fields = [
        Field(name="Pictures", value=f"{n_pictures:,}"),
        Field(name="Seconds of the device", value=sentences.seconds(gpu_s)),
        Field(name="Requests", value=ends),
        Field(name="Waits", value=_waits(found)),
        Field(name="People", value=f"{found.n_people:,}"),
    ]
    top = [
        f"{cut(person.name) or 'no name'} {person.n_pictures:,} ({sentences.seconds(person.gpu_s)})"
        for person in found.people[:_TOP_IN_WORDS]
    ]
    return (*fields, *((Field(name="Most active", value=", ".join(top)),) if top else ()))


def _waits(found: Statistics) -> str:
    if found.wait_p50_s is None or found.wait_p90_s is None or found.wait_max_s is None:
        return "none yet"
    p50, p90, longest = (sentences.seconds(each) for each in (found.wait_p50_s, found.wait_p90_s, found.wait_max_s))
    return f"half within {p50}, nine of ten within {p90}, the longest {longest}"


def _chart(title: str, found: Statistics) -> Figures:
    days = tuple(DayFigures(day=day.day, n_pictures=day.n_pictures, gpu_s=day.gpu_s) for day in found.days)
    people = tuple(
        PersonFigures(name=cut(person.name) or "no name", n_pictures=person.n_pictures, gpu_s=person.gpu_s)
        for person in found.people
    )
    return Figures(title=title, days=days, people=people)
