"""Who may do what: ONE table, act → the lowest rank that may, and where. Pure. Knows nothing of people or platforms.

A place admin acts in the place where the platform says they are one, and within it; an operator everywhere. What is
done for oneself is everybody's.
"""

from enum import IntEnum, StrEnum

from bot.cards import Origin
from bot.desk.places import EVERYWHERE, lies_in
from engine.errors import UserError

__all__ = ["NEEDED", "Act", "Rank", "check", "lies_in", "may", "realm"]


class Rank(IntEnum):
    """What somebody is, in this place, at this moment. A higher one may all that a lower one may."""

    EVERYBODY = 0
    PLACE_ADMIN = 1
    OPERATOR = 2


class Act(StrEnum):
    """What can be done at the desk; the words stand in the audit."""

    SEE_OWN_QUOTA = "own quota"
    SEE_MODELS = "models"
    USE_MODEL = "model use"
    TUNE_ME = "settings me"
    EXPORT = "mydata"
    FORGET = "forget"
    LINK = "link"
    UNLINK = "unlink"
    CLAIM = "claim"
    COLLECT = "collect"

    SEE_QUEUE = "queue all"
    CANCEL_ANY = "cancel any"
    DELETE_ANY = "delete any"
    BAN = "ban"
    UNBAN = "unban"
    SEE_BANS = "bans"
    SEE_PLACE = "place settings"
    TUNE_PLACE = "settings place"
    LIMIT_PLACE = "quota of a place"
    PLACE_MODEL = "model of a place"
    SEE_AUDIT = "audit"

    SEE_QUOTA = "quota of somebody"
    LIMIT_ANY = "quota set"
    GRANT = "quota grant"
    RESET = "quota reset"
    ALLOW = "allow"
    STEER = "course"
    ALL_MODEL = "model default"
    TUNE_ALL = "settings all"
    SEE_STATS = "stats"


_FOR_ONESELF = (
    *(Act.SEE_OWN_QUOTA, Act.SEE_MODELS, Act.USE_MODEL, Act.SEE_PLACE, Act.TUNE_ME, Act.COLLECT),
    *(Act.EXPORT, Act.FORGET, Act.LINK, Act.UNLINK, Act.CLAIM),
)
_FOR_A_PLACE = (
    *(Act.SEE_QUEUE, Act.CANCEL_ANY, Act.DELETE_ANY, Act.BAN, Act.UNBAN, Act.SEE_BANS, Act.SEE_AUDIT),
    *(Act.TUNE_PLACE, Act.LIMIT_PLACE, Act.PLACE_MODEL),
)
_FOR_ALL = (
    *(Act.SEE_QUOTA, Act.LIMIT_ANY, Act.GRANT, Act.RESET, Act.ALLOW, Act.STEER),
    *(Act.ALL_MODEL, Act.TUNE_ALL, Act.SEE_STATS),
)
NEEDED: dict[Act, Rank] = {
    **dict.fromkeys(_FOR_ONESELF, Rank.EVERYBODY),
    **dict.fromkeys(_FOR_A_PLACE, Rank.PLACE_ADMIN),
    **dict.fromkeys(_FOR_ALL, Rank.OPERATOR),
}

_ONLY_OPERATORS = "Only an operator of this Darkroom can do that."
_ADMINS = "Only an admin of this place can do that here, or an operator of this Darkroom."
_NOT_THERE = "You are an admin of this place alone; beyond it only an operator of this Darkroom can do that."


def realm(rank: Rank, origin: Origin) -> str | None:
    """The place within which they act for others: "" everywhere, None nowhere."""
    match rank:
        case Rank.OPERATOR:
            return EVERYWHERE
        case Rank.PLACE_ADMIN:
            return origin.sphere
        case _:
            return None


def may(rank: Rank, act: Act, *, of_place: str, at_place: str) -> bool:
    """Whether a rank held in `of_place` may do this at `at_place`, "" being everywhere."""
    if NEEDED[act] is Rank.EVERYBODY or rank is Rank.OPERATOR:
        return True
    return rank >= NEEDED[act] and at_place != EVERYWHERE and lies_in(at_place, of_place)


def check(rank: Rank, act: Act, origin: Origin, at_place: str) -> None:
    """Raises: UserError that names who can."""
    if may(rank, act, of_place=origin.sphere, at_place=at_place):
        return
    if NEEDED[act] is Rank.OPERATOR:
        raise UserError(_ONLY_OPERATORS)
    raise UserError(_NOT_THERE if rank is Rank.PLACE_ADMIN else _ADMINS)
