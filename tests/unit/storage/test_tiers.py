"""Which limit holds, as a table."""

import math

import pytest

from storage import tiers
from storage.asking import Limits
from storage.tiers import FALLBACK, UNLIMITED

TIERS = {
    "tier:guest": {"rate": "3", "burst": "3", "in_flight": "4", "daily": "10"},
    "tier:member": {"rate": "10", "burst": "10", "in_flight": "20", "daily": "100"},
    "tier:trusted": {"rate": "30", "burst": "30", "in_flight": "100", "daily": "1000"},
    "": {"tier": "member"},
}
SUBJECTS = tiers.levels(5, ("admins", "artists"), "discord:1:2")


def daily(**settings: dict[str, str]) -> float:
    """The daily limit where this is set; "_" stands for ":" in a subject."""
    said = {subject.replace("_", ":"): values for subject, values in settings.items()}
    return tiers.limits_of({**TIERS, **said}, SUBJECTS, FALLBACK).daily


def test_subjects_go_from_the_person_to_everybody() -> None:
    """Groups are equally specific; places from small to large."""
    assert SUBJECTS == (
        ("person:5",),
        ("group:admins", "group:artists"),
        ("place:discord:1:2",),
        ("place:discord:1",),
        ("place:discord",),
        ("",),
    )
    assert tiers.levels(5, (), "") == (("person:5",), (), ("",))


def test_the_most_specific_subject_decides() -> None:
    """Even where it is the stricter one."""
    assert daily() == 100
    assert daily(place_discord={"daily": "50"}) == 50
    assert daily(place_discord={"daily": "50"}, place_discord_1_2={"daily": "7"}) == 7
    assert daily(group_artists={"daily": "8"}, place_discord_1_2={"daily": "7"}) == 8
    assert daily(person_5={"daily": "1"}, group_artists={"daily": "8"}) == 1


def test_of_several_groups_the_most_generous_decides() -> None:
    """Each by its own number, or by its tier's."""
    assert daily(group_admins={"daily": "5"}, group_artists={"daily": "8"}) == 8
    assert daily(group_admins={"daily": "5"}, group_artists={"tier": "trusted"}) == 1000


def test_a_tier_beats_what_is_less_specific_and_not_what_stands_beside_it() -> None:
    """A plain number at the same subject wins over it."""
    assert daily(person_5={"tier": "guest"}, group_artists={"daily": "500"}) == 10
    assert daily(person_5={"tier": "guest", "daily": "11"}) == 11


@pytest.mark.parametrize("value", ["", "x", "nan", "-1"])
def test_what_is_no_limit_is_as_if_it_were_not_there(value: str) -> None:
    """By itself, or in a tier."""
    assert daily(person_5={"daily": value}) == 100
    assert daily(person_5={"tier": "odd"}, tier_odd={"daily": value}) == 100
    assert daily(person_5={"tier": "unknown"}) == 100


def test_infinite_is_no_limit() -> None:
    """And so is what is not said of those who have none."""
    assert math.isinf(daily(person_5={"daily": "inf"}))
    assert tiers.limits_of({}, SUBJECTS, UNLIMITED) == UNLIMITED
    assert tiers.limits_of({}, SUBJECTS, FALLBACK) == Limits(rate=10, burst=10, in_flight=20, daily=100)


def test_the_tier_that_is_told_is_the_most_specific_that_there_is() -> None:
    """One that does not exist is none."""
    assert tiers.tier_of(TIERS, SUBJECTS) == "member"
    assert tiers.tier_of({**TIERS, "place:discord": {"tier": "guest"}}, SUBJECTS) == "guest"
    assert tiers.tier_of({**TIERS, "place:discord": {"tier": "gone"}}, SUBJECTS) == "member"
    assert tiers.tier_of({}, SUBJECTS) == ""
