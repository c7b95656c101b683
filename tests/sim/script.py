"""What happens in a history, drawn from its seed: who is there, what they do and when, and how badly all goes.

Pure: nothing of it has happened yet. Knows nothing of how the bot does its work.
"""

import random
from dataclasses import dataclass, field
from enum import StrEnum

from bot.platforms.base import Budget
from bot.recipes import Wish
from bot.requests import (
    BanSomebody,
    Cancel,
    Collect,
    Course,
    GrantQuota,
    Imagine,
    LinkAccounts,
    Request,
    ResetQuota,
    SetQuota,
    ShowQueue,
    ShowQuota,
    Steer,
    UnbanSomebody,
    UnlinkAccounts,
)
from tests.sim.worker import BROKEN, POISON, UNPAINTABLE

OPERATOR = "web:operator"
PAGE, NONCES, EDITS = "web", "nonces", "edits"
_SIZES = ("64x64", "128x128", "512x512")
_DAY_S = 86_400.0


class Ill(StrEnum):
    """What goes wrong in a history."""

    CHATS = "chats"
    WORKERS = "workers"
    CUTS = "cuts"
    STOPS = "stops"
    DISK = "disk"
    CLOCK = "clock"


class Button(StrEnum):
    """What people press; of one of the messages they know."""

    GO = "go"
    NO = "no"
    CANCEL = "cancel"
    DELETE = "delete"
    AGAIN = "again"


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """An account on a platform, where it asks."""

    account: str
    place: str
    chat: str

    @property
    def platform(self) -> str:
        """The platform's name."""
        return self.account.partition(":")[0]

    @property
    def is_alone(self) -> bool:
        """Whether nobody else reads what is said there."""
        return self.platform == PAGE or self.chat.startswith("private")


@dataclass(frozen=True, slots=True, kw_only=True)
class Does:
    """Somebody does something: asks, or presses a button of a message that `which` picks. `key` is the event's."""

    at_s: float
    person: Person
    key: str
    what: Request | Button
    which: float = 0.0
    is_theirs: bool = True
    is_sent_again: bool = False  # by the platform, where nobody answered


@dataclass(frozen=True, slots=True, kw_only=True)
class Limits:
    """What everybody may; small, so that it matters."""

    rate: float
    burst: float
    in_flight: int
    daily: float
    most_waiting: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Script:
    """All of a history before it begins. Times are seconds from its start."""

    seed: int
    start_s: float
    ills: frozenset[Ill]
    trouble_ends_s: float
    people: tuple[Person, ...]
    doings: tuple[Does, ...]
    limits: Limits
    budgets: dict[str, Budget]
    cuts_s: tuple[float, ...] = ()
    cut_statements: tuple[int, ...] = ()  # the power fails before the n-th statement
    cut_calls: tuple[int, ...] = ()  # and right after the n-th call has arrived
    stops_s: tuple[float, ...] = ()
    jumps_s: tuple[tuple[float, float], ...] = ()
    closes_s: tuple[tuple[float, str], ...] = ()
    vanish_s: tuple[float, ...] = ()  # somebody deletes a message of ours that is not at its end
    disk_ill_s: tuple[tuple[float, float], ...] = ()
    chat_trouble: float = 0.0
    disk_trouble: float = 0.0
    worker_trouble: float = 0.0
    slowest_call_s: float = 0.5
    step_s: float = 0.3
    words: list[str] = field(default_factory=list)


def drawn(seed: int) -> Script:
    """The script of a seed."""
    chance = random.Random(seed)
    ills = _ills(chance)
    long_s = chance.choice((60.0, 240.0, 900.0))
    people = _people(chance)
    limits = Limits(
        rate=chance.choice((3.0, 10.0, 60.0)),
        burst=chance.choice((1.0, 3.0, 10.0)),
        in_flight=chance.choice((1, 2, 4, 20)),
        daily=chance.choice((0.3, 2.0, 100.0)),
        most_waiting=chance.choice((3, 8, 10_000)),
    )
    doings = _doings(chance, people, long_s)
    start_s = 20_000 * _DAY_S + chance.choice((40_000.0, _DAY_S - long_s / 2))  # half of them see midnight
    return Script(
        seed=seed,
        start_s=start_s,
        ills=ills,
        trouble_ends_s=long_s + 60.0,
        people=people,
        doings=doings,
        limits=limits,
        budgets=_budgets(chance),
        cuts_s=_moments(chance, long_s, 3) if Ill.CUTS in ills else (),
        cut_statements=tuple(chance.randrange(1, 1_500) for _ in range(chance.randrange(3)))
        if Ill.CUTS in ills
        else (),
        cut_calls=tuple(chance.randrange(1, 60) for _ in range(chance.randrange(4))) if Ill.CUTS in ills else (),
        stops_s=_moments(chance, long_s, 2) if Ill.STOPS in ills else (),
        jumps_s=_jumps(chance, long_s) if Ill.CLOCK in ills else (),
        closes_s=_closes(chance, people, long_s) if Ill.CHATS in ills else (),
        vanish_s=tuple(chance.choice(doings).at_s + chance.uniform(0.0, 8.0) for _ in range(chance.choice((0, 4, 12)))),
        disk_ill_s=_spans(chance, long_s) if Ill.DISK in ills else (),
        chat_trouble=chance.choice((0.05, 0.2, 0.5)) if Ill.CHATS in ills else 0.0,
        disk_trouble=chance.choice((0.002, 0.02)) if Ill.DISK in ills else 0.0,
        worker_trouble=chance.choice((0.2, 0.6)) if Ill.WORKERS in ills else 0.0,
        slowest_call_s=chance.choice((0.05, 0.5, 2.0)),
        step_s=chance.choice((0.02, 0.2, 1.0)),
    )


def _ills(chance: random.Random) -> frozenset[Ill]:
    n_ills = chance.choice((0, 1, 1, 2, 2, 3, 6))
    return frozenset(chance.sample(sorted(Ill), n_ills))


def _people(chance: random.Random) -> tuple[Person, ...]:
    operator = Person(account=OPERATOR, place="web:page", chat=OPERATOR)
    others = []
    for number in range(chance.randrange(1, 5)):
        platform = chance.choice((PAGE, NONCES, EDITS))
        account = f"{platform}:{number}"
        if platform == PAGE:
            others.append(Person(account=account, place="web:page", chat=account))
        else:
            room = f"private{number}" if chance.random() < 0.3 else f"room{chance.randrange(2)}"
            others.append(Person(account=account, place=f"{platform}:{room}", chat=room))
    return (operator, *others)


def _doings(chance: random.Random, people: tuple[Person, ...], long_s: float) -> tuple[Does, ...]:
    doings: list[Does] = []
    for number in range(chance.randrange(4, 22)):
        at_s = chance.choice((chance.uniform(0, long_s), chance.uniform(0, 3.0), float(int(chance.uniform(0, long_s)))))
        person = chance.choice(people[1:]) if chance.random() < 0.9 else people[0]
        what = _what(chance, people)
        if isinstance(what, Steer | GrantQuota | ResetQuota | SetQuota | BanSomebody | UnbanSomebody):
            person = people[0] if chance.random() < 0.9 else person
        does = Does(
            at_s=at_s,
            person=person,
            key=f"e:{number}",
            what=what,
            which=chance.random(),
            is_theirs=chance.random() < 0.9,
            is_sent_again=chance.random() < 0.5,
        )
        doings.append(does)
        if chance.random() < 0.15:
            later_s = at_s + chance.choice((0.0, 0.01, 1.0, 30.0))
            doings.append(Does(at_s=later_s, person=person, key=does.key, what=what, which=does.which))
    return tuple(sorted(doings, key=lambda does: does.at_s))


def _what(chance: random.Random, people: tuple[Person, ...]) -> Request | Button:
    whom = chance.choice(people).account
    kind = chance.random()
    if kind < 0.55:
        return _imagine(chance)
    if kind < 0.80:
        return chance.choice(tuple(Button))
    if kind < 0.88:
        return chance.choice(
            (
                Cancel(request=None),
                Collect(),
                ShowQueue(),
                ShowQuota(who=None),
                UnlinkAccounts(),
                ShowQueue(is_all=True),
            )
        )
    if kind < 0.92:
        return LinkAccounts(code=None)
    return chance.choice(
        (
            Steer(course=chance.choice(tuple(Course))),
            GrantQuota(who=whom, n_pictures=chance.choice((0.5, 3.0))),
            ResetQuota(who=whom),
            SetQuota(who=whom, key="daily", value=chance.choice(("1", "50", None))),
            BanSomebody(who=whom, reason="noise", for_s=chance.choice((None, 60.0)), is_everywhere=True),
            UnbanSomebody(who=whom, is_everywhere=True),
        )
    )


def _imagine(chance: random.Random) -> Imagine:
    word = chance.choices(("a circle", POISON, UNPAINTABLE, BROKEN), (0.9, 0.03, 0.035, 0.035))[0]
    wishes = [
        Wish(
            prompt=f"{word} {chance.randrange(100)}",
            size=chance.choices(_SIZES, (0.6, 0.35, 0.05))[0],
            steps=chance.choice((2, 5, 20)),
            n_pictures=chance.choice((1, 1, 1, 2, 4)),
            seed=chance.randrange(2**24),
        )
        for _ in range(chance.choices((1, 2, 4), (0.75, 0.15, 0.1))[0])
    ]
    return Imagine(wishes=tuple(wishes))


def _budgets(chance: random.Random) -> dict[str, Budget]:
    return {
        PAGE: Budget(of_message=(1, 0.2)),
        NONCES: Budget(
            of_message=(1, chance.choice((1.0, 5.0))), of_chat=(5, 5.0), of_all=chance.choice((None, (50, 1.0)))
        ),
        EDITS: Budget(of_message=(1, chance.choice((1.0, 10.0))), of_chat=(20, 60.0), of_all=(30, 1.0)),
    }


def _moments(chance: random.Random, long_s: float, most: int) -> tuple[float, ...]:
    return tuple(sorted(chance.uniform(0.0, long_s + 30.0) for _ in range(chance.randrange(1, most + 1))))


def _spans(chance: random.Random, long_s: float) -> tuple[tuple[float, float], ...]:
    begin_s = chance.uniform(0.0, long_s)
    return ((begin_s, begin_s + chance.choice((0.5, 10.0, 50.0))),)


def _jumps(chance: random.Random, long_s: float) -> tuple[tuple[float, float], ...]:
    by_s = (-3_600.0, -1.0, 2.0, 3_600.0, 100_000.0)
    return tuple((chance.uniform(0.0, long_s), chance.choice(by_s)) for _ in range(chance.randrange(1, 3)))


def _closes(chance: random.Random, people: tuple[Person, ...], long_s: float) -> tuple[tuple[float, str], ...]:
    person = chance.choice(people)
    if chance.random() < 0.7 or person.platform == PAGE:
        return ()
    return ((chance.uniform(0.0, long_s), f"{person.platform}/{person.chat}"),)
