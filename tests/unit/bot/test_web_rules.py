"""The page's rules: who is let through, how bodies are read, what names come to."""

import contextlib
import string
from http import HTTPStatus

import pytest
from hypothesis import given
from hypothesis import strategies as st
from multidict import CIMultiDict, CIMultiDictProxy

from bot.parser import parse, request_from
from bot.platforms.web import guard, pages, wire
from bot.platforms.web.api import n_pictures
from bot.platforms.web.files import disposition
from bot.platforms.web.refusals import Refused, refused, sentence_for
from bot.platforms.web.settings import WebSettings, is_loopback
from bot.recipes import Wish
from bot.requests import Again, Axis, Compare, Help, Imagine, Remix, Request, Upscale, Vary
from bot.typed import words_of
from engine.errors import BadPicture, StorageError, UserError

HOST = "localhost:8321"


def headers(**given: str) -> CIMultiDictProxy[str]:
    return CIMultiDictProxy(CIMultiDict({name.replace("_", "-"): value for name, value in given.items()}))


# Names


@pytest.mark.parametrize("host", ["localhost:8321", "127.0.0.1:8321", "[::1]:8321", "LOCALHOST:8321"])
def test_the_page_goes_by_the_names_of_this_computer(host: str) -> None:
    """With its own port, in any case of letters."""
    guard.check_host([host], WebSettings().allowed_hosts(8321))


@pytest.mark.parametrize(
    "hosts",
    [
        ["evil.example:8321"],
        ["localhost"],
        ["localhost:8322"],
        ["localhost.evil.example:8321"],
        ["127.0.0.1.nip.example:8321"],
        ["user@localhost:8321"],
        ["localhost:8321@evil.example"],
        ["localhost.:8321"],
        ["0.0.0.0:8321"],
        [""],
        [],
        ["localhost:8321", "evil.example"],
        ["localhost:8321", "localhost:8321"],
    ],
)
def test_it_goes_by_no_other(hosts: list[str]) -> None:
    """A name that somebody pointed at this computer is not ours, and two names are none."""
    with pytest.raises(Refused, match="DARKROOM_WEB_HOSTS"):
        guard.check_host(hosts, WebSettings().allowed_hosts(8321))


def test_the_operator_adds_names() -> None:
    """Without a port where a proxy stands in front, with ours, or with the one that was said."""
    allowed = WebSettings(hosts=("Darkroom.example.org", "other.example:8443")).allowed_hosts(8321)
    assert {"darkroom.example.org", "darkroom.example.org:8321", "other.example:8443"} <= allowed
    assert not {"other.example", "other.example:8321"} & allowed
    assert "localhost" in WebSettings().allowed_hosts(80)
    assert "192.168.1.5:8321" in WebSettings(host="192.168.1.5").allowed_hosts(8321)
    assert "[fe80::1]:8321" in WebSettings(host="fe80::1").allowed_hosts(8321)


@pytest.mark.parametrize(
    ("host", "is_ours"),
    [
        ("127.0.0.1", True),
        ("127.9.9.9", True),
        ("localhost", True),
        ("::1", True),
        ("[::1]", True),
        ("0.0.0.0", False),
        ("::", False),
        ("192.168.1.5", False),
        ("localhost.example.org", False),
    ],
)
def test_what_keeps_the_network_out(host: str, is_ours: bool) -> None:
    """Addresses of loopback, and the one name for them."""
    assert is_loopback(host) is is_ours


def test_a_page_that_others_can_reach_needs_a_password() -> None:
    """By its address, or by a name that leads here; then nobody is the operator without signing in."""
    for settings in (WebSettings(host="0.0.0.0"), WebSettings(hosts=("darkroom.example.org",))):
        with pytest.raises(UserError, match="DARKROOM_WEB_PASSWORD"):
            settings.check()
    locked = WebSettings(host="0.0.0.0", password="open sesame")
    locked.check()
    assert not locked.is_open
    assert not WebSettings(password="open sesame").is_open
    assert WebSettings().is_open
    assert "sesame" not in repr(locked)


def test_where_the_page_is_found() -> None:
    """From here by an address, from outside by its name."""
    assert WebSettings(host="0.0.0.0").url(5) == "http://127.0.0.1:5"
    assert WebSettings(host="::1").url(5) == "http://[::1]:5"
    assert WebSettings(hosts=("a.example",)).outer_url(5) == "http://a.example:5"
    assert WebSettings(hosts=("a.example:7",)).outer_url(5) == "http://a.example:7"
    assert WebSettings(hosts=("a.example",), is_behind_proxy=True).outer_url(5) == "https://a.example"
    assert WebSettings().outer_url(5) == "http://127.0.0.1:5"


# Writes and reads


@pytest.mark.parametrize(
    "given_headers",
    [
        headers(Host=HOST, X_Darkroom="1"),
        headers(Host=HOST, X_Darkroom="1", Origin=f"http://{HOST}", Sec_Fetch_Site="same-origin"),
        headers(Host=HOST, X_Darkroom="1", Origin=f"https://{HOST}"),
        headers(Host=HOST, X_Darkroom="1", Sec_Fetch_Site="none"),
    ],
)
def test_our_own_page_may_write(given_headers: CIMultiDictProxy[str]) -> None:
    """And so may a program that says the header."""
    guard.check_write(given_headers, is_form=False)


@pytest.mark.parametrize(
    "given_headers",
    [
        headers(Host=HOST),
        headers(Host=HOST, X_Darkroom="yes"),
        headers(Host=HOST, X_Darkroom="1", Origin="http://evil.example"),
        headers(Host=HOST, X_Darkroom="1", Origin="null"),
        headers(Host=HOST, X_Darkroom="1", Origin="http://localhost:3000"),
        headers(Host=HOST, X_Darkroom="1", Origin=f"http://{HOST}.evil.example"),
        headers(Host=HOST, X_Darkroom="1", Origin=""),
        headers(Host=HOST, X_Darkroom="1", Sec_Fetch_Site="cross-site"),
        headers(Host=HOST, X_Darkroom="1", Sec_Fetch_Site="same-site"),
    ],
)
def test_no_other_page_may_write(given_headers: CIMultiDictProxy[str]) -> None:
    """Whatever one of the three says is enough."""
    with pytest.raises(Refused):
        guard.check_write(given_headers, is_form=False)


def test_a_form_needs_no_header_but_its_own_origin() -> None:
    """Forms cannot send headers; foreign ones say where they are from."""
    guard.check_write(headers(Host=HOST, Origin=f"http://{HOST}"), is_form=True)
    with pytest.raises(Refused):
        guard.check_write(headers(Host=HOST, Origin="null"), is_form=True)


def test_other_sites_may_link_to_the_page_and_not_load_from_it() -> None:
    """A picture that is opened by a link is; one that is embedded, or an answer, is not."""
    guard.check_read("/", headers(Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate"))
    guard.check_read("/api/me", headers(Sec_Fetch_Site="same-origin", Sec_Fetch_Mode="cors"))
    guard.check_read("/api/me", headers())
    with pytest.raises(Refused):
        guard.check_read("/picture/a.png", headers(Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="no-cors"))
    with pytest.raises(Refused):
        guard.check_read("/api/me", headers(Sec_Fetch_Site="cross-site", Sec_Fetch_Mode="navigate"))


@pytest.mark.parametrize("name", guard.FORWARDED)
def test_an_open_page_is_not_for_proxies(name: str) -> None:
    """Whoever comes through one is not at this computer, and would be its operator."""
    with pytest.raises(Refused, match="DARKROOM_WEB_PASSWORD"):
        guard.check_direct({name: "203.0.113.7"})


# Bodies


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"not json",
        b"[]",
        b"{}",
        b'{"key":"k"}',
        b'{"key":"","text":"a"}',
        b'{"key":1,"text":"a"}',
        b'{"key":"k","text":7}',
        b'{"key":"k","text":"a","command":"imagine"}',
        b'{"key":"k","text":"\xff"}',
        b'{"key":"k","text":"\\ud800"}',
        b'{"key":"k","command":"imagine","values":{"prompt":["a"]}}',
        b'{"key":"k","text":"a","uploads":["1","2","3","4","5"]}',
        b'{"key":"k","text":"a","uploads":"u1"}',
        b'{"key":"' + b"k" * 65 + b'","text":"a"}',
        b"[" * 100_000,
    ],
)
def test_a_body_of_another_shape_is_refused_in_a_sentence(body: bytes) -> None:
    """Whatever is wrong with it."""
    with pytest.raises(Refused) as caught:
        wire.read(body, wire.Ask)
    assert caught.value.status == HTTPStatus.BAD_REQUEST
    assert "Reload" in str(caught.value)


@given(st.binary(max_size=200))
def test_reading_a_body_is_total(body: bytes) -> None:
    """Any bytes are a question or a refusal."""
    with contextlib.suppress(Refused):
        assert wire.read(body, wire.Ask).key


def test_a_form_is_written_as_it_would_be_typed() -> None:
    """By its flags, and so that it reads the same again; what was left empty not at all."""
    values: dict[str, str | int | float | bool] = {"negative": "text, words", "seed": 7, "prompt": "a cat", "size": ""}
    assert words_of("imagine", values) == "/imagine a cat --seed 7 --no text, words"
    assert parse(words_of("imagine", values)) == request_from("imagine", values)
    assert words_of("fly", {"far": True, "away": False, "to": "x" * 3}) == "/fly --far --to xxx"


@pytest.mark.parametrize(
    ("command", "values"),
    [
        ("quota", {"action": "set", "who": "Ada Lovelace", "key": "daily", "value": "50"}),
        ("quota", {"who": "@ada"}),
        ("settings", {"scope": "me", "key": "size", "value": "512x512"}),
        ("settings", {"key": "size", "value": "512x512"}),
        ("ban", {"who": "Ada Lovelace", "reason": "floods the channel", "for": "7d", "everywhere": True}),
        ("stats", {"days": 7}),
        ("deny", {"who": "@ada", "default": True}),
    ],
)
def test_a_form_of_the_desk_reads_the_same_when_it_is_typed(command: str, values: dict[str, wire.Value]) -> None:
    """In the order of its options, with a name of several words in quotes."""
    assert parse(words_of(command, values)) == request_from(command, values)


@pytest.mark.parametrize(
    ("request_", "count"),
    [
        (Imagine(wishes=(Wish(prompt="a", n_pictures=4), Wish(prompt="b"))), 5),
        (Remix(source=None, wish=Wish(prompt="a", n_pictures=2)), 2),
        (Vary(source=None, is_strong=True, n_pictures=4), 4),
        (Compare(wish=Wish(prompt="a"), axis=Axis.STEPS, values=("1", "2", "3")), 3),
        (Upscale(source=None, factor=2, is_refined=False), 1),
        (Again(source=None), 1),
        (Help(topic=""), 0),
    ],
)
def test_pictures_are_counted_before_they_are_drawn(request_: Request, count: int) -> None:
    """For the hint under what is being typed."""
    assert n_pictures(request_) == count


# Answers


def test_errors_of_ours_have_a_status() -> None:
    """What is not there, what is no picture, and what is our fault."""
    assert refused(UserError("a")).status == HTTPStatus.NOT_FOUND
    assert refused(BadPicture("a")).status == HTTPStatus.UNPROCESSABLE_ENTITY
    assert refused(StorageError("a")).status == HTTPStatus.SERVICE_UNAVAILABLE


@pytest.mark.parametrize("status", [400, 404, 405, 413, 418, 499, 500])
def test_every_status_has_a_sentence(status: int) -> None:
    """Those that nobody heard of too."""
    assert sentence_for(status).endswith(".")


@given(st.text(max_size=80))
def test_a_download_has_a_plain_name_and_its_own(name: str) -> None:
    """No name ends the header or leaves the folder."""
    said = disposition(name)
    plain = said.partition('filename="')[2].partition('"')[0]
    assert plain
    assert set(plain) <= {*string.ascii_letters, *string.digits, *"._-"}
    assert not plain.startswith(".")
    assert "\n" not in said
    assert "\r" not in said
    assert "/" not in said.removeprefix("attachment")


def test_a_sentence_is_text_wherever_it_came_from() -> None:
    """Nothing in it is markup."""
    for page in (pages.sentence("<img src=x onerror=alert(1)>"), pages.sign_in("<b>", '"><script>'), pages.link('"><')):
        assert "<img" not in page
        assert "<script" not in page
        assert '"><' not in page
