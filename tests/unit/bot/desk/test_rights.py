"""The one table of rights, as a matrix: every act, every rank, the own place, another one, everywhere."""

from dataclasses import replace

import pytest

from bot.cards import Origin
from bot.desk import rights
from bot.desk.rights import NEEDED, Act, Rank, check, may, realm
from engine.errors import UserError

OWN, WITHIN, AROUND, OTHER, ALIKE, EVERYWHERE = "d:1:2", "d:1:2:3", "d:1", "d:9", "d:1:22", ""
PLACES = (OWN, WITHIN, AROUND, OTHER, ALIKE, EVERYWHERE)

# Who may, written out: the ranks and places where each act is allowed; all else is not.
EVERYBODY = {(rank, place) for rank in Rank for place in PLACES}
OPERATORS = {(Rank.OPERATOR, place) for place in PLACES}
ADMINS = OPERATORS | {(Rank.PLACE_ADMIN, OWN), (Rank.PLACE_ADMIN, WITHIN)}
MAY: dict[Act, set[tuple[Rank, str]]] = {
    Act.SEE_OWN_QUOTA: EVERYBODY,
    Act.SEE_MODELS: EVERYBODY,
    Act.USE_MODEL: EVERYBODY,
    Act.TUNE_ME: EVERYBODY,
    Act.EXPORT: EVERYBODY,
    Act.FORGET: EVERYBODY,
    Act.LINK: EVERYBODY,
    Act.UNLINK: EVERYBODY,
    Act.CLAIM: EVERYBODY,
    Act.COLLECT: EVERYBODY,
    Act.SEE_PLACE: EVERYBODY,
    Act.SEE_QUEUE: ADMINS,
    Act.CANCEL_ANY: ADMINS,
    Act.DELETE_ANY: ADMINS,
    Act.BAN: ADMINS,
    Act.UNBAN: ADMINS,
    Act.SEE_BANS: ADMINS,
    Act.TUNE_PLACE: ADMINS,
    Act.LIMIT_PLACE: ADMINS,
    Act.PLACE_MODEL: ADMINS,
    Act.SEE_AUDIT: ADMINS,
    Act.SEE_QUOTA: OPERATORS,
    Act.LIMIT_ANY: OPERATORS,
    Act.GRANT: OPERATORS,
    Act.RESET: OPERATORS,
    Act.ALLOW: OPERATORS,
    Act.STEER: OPERATORS,
    Act.ALL_MODEL: OPERATORS,
    Act.TUNE_ALL: OPERATORS,
    Act.SEE_STATS: OPERATORS,
}


def origin(place: str = OWN) -> Origin:
    """Somebody there."""
    return Origin(platform="d", owner="d:ada", place=place, reply_to="r", event_key="k", asker="Ada")


def test_every_act_is_in_the_table_and_in_the_matrix() -> None:
    """An act that nobody thought of has no rank by accident."""
    assert set(NEEDED) == set(Act) == set(MAY)


@pytest.mark.parametrize("place", PLACES)
@pytest.mark.parametrize("rank", Rank)
@pytest.mark.parametrize("act", Act)
def test_the_matrix(act: Act, rank: Rank, place: str) -> None:
    """May, or a sentence that names who can; nothing between."""
    allowed = (rank, place) in MAY[act]
    assert may(rank, act, of_place=OWN, at_place=place) is allowed
    if allowed:
        check(rank, act, origin(), place)
        return
    with pytest.raises(UserError, match="operator of this Darkroom") as caught:
        check(rank, act, origin(), place)
    names_admins = "admin of this place" in str(caught.value)
    assert names_admins is (NEEDED[act] is Rank.PLACE_ADMIN)


def test_a_realm_is_everywhere_the_own_place_or_nothing() -> None:
    """What lists and queues are cut to."""
    assert [realm(rank, origin()) for rank in (Rank.OPERATOR, Rank.PLACE_ADMIN, Rank.EVERYBODY)] == ["", OWN, None]


def test_in_a_community_an_admin_acts_in_all_of_it() -> None:
    """Whoever manages a server does so in each of its channels, and nowhere else."""
    asked = replace(origin(), community=AROUND)
    assert realm(Rank.PLACE_ADMIN, asked) == AROUND
    for place in (OWN, WITHIN, AROUND, "d:1:7"):
        check(Rank.PLACE_ADMIN, Act.BAN, asked, place)
    for place in (OTHER, EVERYWHERE):
        with pytest.raises(UserError, match="operator of this Darkroom"):
            check(Rank.PLACE_ADMIN, Act.BAN, asked, place)


@pytest.mark.parametrize(
    ("place", "other", "lies"),
    [("d:1:2", "d:1", True), ("d:1", "d:1", True), ("d:12", "d:1", False), ("d", "d:1", False), ("d:1", "", True)],
)
def test_a_place_lies_in_what_its_name_begins_with(place: str, other: str, lies: bool) -> None:
    """By whole parts: 12 does not lie in 1."""
    assert rights.lies_in(place, other) is lies
