"""Who is who: sessions, one-time links, names, and the price of guessing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.web.backoff import FREE_FAILURES, LONGEST_S, MAX_ADDRESSES, Backoff
from bot.platforms.web.sessions import LINK_S, MAX_NAME_CHARS, OPERATOR, SESSION_S, Sessions, clean_name, hash_of
from bot.platforms.web.settings import WebSettings
from tests.fakes.studios import FakeSessions


class Clock:
    """Goes on when it is told."""

    now_s = 1_000.0

    def __call__(self) -> float:
        return self.now_s


def locked() -> tuple[Sessions, FakeSessions, Clock]:
    store, clock = FakeSessions(), Clock()
    return Sessions(WebSettings(password="open sesame"), store, clock), store, clock


async def test_on_an_open_page_everybody_is_the_operator() -> None:
    """No cookie is needed, and none is looked at."""
    person = await Sessions(WebSettings(), FakeSessions()).person("anything")
    assert person
    assert (person.owner, person.is_operator, person.session) == (OPERATOR, True, None)


async def test_a_session_is_known_again_for_a_year() -> None:
    """By its token and by nothing else; two sign-ins are two people."""
    sessions, _, clock = locked()
    token, other = await sessions.begin("Ada"), await sessions.begin("Ada")
    person, stranger = await sessions.person(token), await sessions.person(other)
    assert person
    assert stranger
    assert person.name == "Ada"
    assert not person.is_operator
    assert person.owner != stranger.owner
    for nobody in (None, "", token[:-1], token + "x", "x" * 10_000, "\ud800"):
        assert await sessions.person(nobody) is None
    clock.now_s += SESSION_S + 1
    assert await sessions.person(token) is None


async def test_tokens_are_stored_as_hashes_only() -> None:
    """A copy of the database signs nobody in."""
    sessions, store, _ = locked()
    token, link = await sessions.begin("Ada"), await sessions.link()
    assert token not in repr(store)
    assert link not in repr(store)
    assert await sessions.person(hash_of(token)) is None
    assert await sessions.begin_by_link(hash_of(link)) is None


async def test_a_link_lets_its_person_in_once() -> None:
    """As the same person, for ten minutes."""
    sessions, _, clock = locked()
    link = await sessions.link()
    token = await sessions.begin_by_link(link)
    person = await sessions.person(token)
    assert person
    assert person.is_operator
    assert await sessions.begin_by_link(link) is None
    late = await sessions.link()
    clock.now_s += LINK_S + 1
    assert await sessions.begin_by_link(late) is None
    assert await sessions.begin_by_link("x" * 10_000) is None


async def test_signing_out_ends_a_session() -> None:
    """And its token is worth nothing."""
    sessions, _, _ = locked()
    token = await sessions.begin("Ada")
    person = await sessions.person(token)
    assert person
    await sessions.end(person)
    assert await sessions.person(token) is None


@pytest.mark.parametrize("given_password", ["", "Open sesame", "open sesame ", "\ud800", "x" * 100_000])
def test_only_the_password_is_the_password(given_password: str) -> None:
    """To the letter."""
    sessions, _, _ = locked()
    assert sessions.is_password("open sesame")
    assert not sessions.is_password(given_password)
    assert not Sessions(WebSettings(), FakeSessions()).is_password("")


@pytest.mark.parametrize(
    ("given_name", "shown"),
    [
        ("Ada", "Ada"),
        ("  Ada \n Lovelace\t", "Ada Lovelace"),
        ("", "Guest"),
        ("\u202e\u200b\x00", "Guest"),
        ("\u202eAda\x07", "Ada"),
        ("Зоя 李", "Зоя 李"),
    ],
)
def test_a_name_is_one_line_of_what_can_be_seen(given_name: str, shown: str) -> None:
    """Nothing that turns the line around or hides in it."""
    assert clean_name(given_name) == shown


@given(st.text())
def test_every_name_can_be_shown(name: str) -> None:
    """Short, not empty, printable."""
    shown = clean_name(name)
    assert 0 < len(shown) <= MAX_NAME_CHARS
    assert "\n" not in shown


def test_wrong_passwords_cost_more_each_time() -> None:
    """The first are free; the price doubles up to a quarter of an hour; another address pays nothing."""
    backoff = Backoff()
    waits = [backoff.fail("203.0.113.7", 0.0) for _ in range(FREE_FAILURES + 20)]
    assert waits[: FREE_FAILURES + 3] == [0.0] * FREE_FAILURES + [2.0, 4.0, 8.0]
    assert waits[-1] == LONGEST_S
    assert backoff.wait_s("203.0.113.7", 100.0) == LONGEST_S - 100
    assert backoff.wait_s("203.0.113.8", 100.0) == 0.0
    assert backoff.wait_s("203.0.113.7", LONGEST_S) == 0.0


def test_the_right_one_clears_the_account() -> None:
    """A typing error yesterday is forgotten."""
    backoff = Backoff()
    for _ in range(FREE_FAILURES):
        backoff.fail("203.0.113.7", 0.0)
    backoff.succeed("203.0.113.7")
    assert backoff.fail("203.0.113.7", 0.0) == 0.0


def test_a_household_of_addresses_is_one_guesser() -> None:
    """IPv6 hands out more addresses than there are passwords; what is written in two ways is one address."""
    backoff = Backoff()
    for number in range(FREE_FAILURES + 1):
        backoff.fail(f"2001:db8::{number:x}", 0.0)
    assert backoff.wait_s("2001:db8::ffff", 0.0) > 0
    assert backoff.wait_s("2001:db8:0:1::1", 0.0) == 0
    for _ in range(FREE_FAILURES + 1):
        backoff.fail("::ffff:203.0.113.7", 0.0)
    assert backoff.wait_s("203.0.113.7", 0.0) > 0


def test_what_is_remembered_is_bounded() -> None:
    """However many addresses somebody has."""
    backoff = Backoff()
    for number in range(MAX_ADDRESSES + 10):
        backoff.fail(f"nobody {number}", 0.0)
    assert len(backoff._failures) == MAX_ADDRESSES
