"""What the page asks for and does, as JSON: each address reads a body or a query, asks the studio, and encodes.

A refusal of the studio is an answer like any other, a card that says why; only broken HTTP is an error of HTTP.
"""

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Protocol

import structlog
from aiohttp import web

from bot.apology import unexpected
from bot.cards import Card, Origin, State
from bot.parser import count_sentence
from bot.platforms.web import guard, wire
from bot.platforms.web.door import PERSON
from bot.platforms.web.seams import WebStudio
from bot.platforms.web.sessions import Person
from bot.platforms.web.settings import WebSettings
from bot.platforms.web.stream import N_CARDS
from bot.requests import Again, Compare, Imagine, Remix, Request, Upscale, Vary
from bot.typed import words_of
from bot.typography import clean
from engine.domain import MAX_PROMPT_CHARS
from engine.errors import DarkroomError, UserError
from engine.intake import MAX_FILE_BYTES

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)

PLACE = "web:page"
N_LINES = 60  # of the history at once
MAX_SEARCH_CHARS = 1_000
MAX_NAME_CHARS = 64
_SHOWN_CHARS = 4_000  # of words that were refused
TROUBLE = "trouble"  # our own: what was asked may be asked once more under the same key
FORGET = "forget"


class Parser(Protocol):
    """Words and forms → requests, as in `bot/parser.py`."""

    def parse(self, text: str, /) -> Request:
        """Raises: UserError."""

    def request_from(self, command: str, values: Mapping[str, wire.Value], /) -> Request:
        """Raises: UserError."""


class Api:
    """The addresses under /api, but for uploads and events."""

    def __init__(
        self,
        studio: WebStudio,
        settings: WebSettings,
        parser: Parser,
        *,
        is_operator: Callable[[Origin], bool],
        forget: Callable[[str], None],
    ) -> None:
        self._studio = studio
        self._settings = settings
        self._parser = parser
        self._is_operator = is_operator
        self._forget = forget

    def routes(self) -> list[web.RouteDef]:
        """What can be asked."""
        return [
            web.get("/api/me", self.me),
            web.post("/api/ask", self.ask),
            web.post("/api/press", self.press),
            web.post("/api/hint", self.hint),
            web.get("/api/conversation", self.conversation),
            web.get("/api/history", self.history),
        ]

    async def me(self, request: web.Request) -> web.StreamResponse:
        """Who looks at what."""
        person, about = request[PERSON], self._studio.about()
        return guard.json_body(
            wire.Me(
                name=person.name,
                is_operator=person.is_operator or self._is_operator(origin_of(person, "me", None)),
                is_loopback=self._settings.is_loopback,
                version=about.version,
                model=about.model,
                model_note=about.model_note,
                commands=about.commands,
                examples=about.examples,
                limits=wire.Limits(prompt_chars=MAX_PROMPT_CHARS, upload_bytes=MAX_FILE_BYTES),
                can_sign_out=person.session is not None,
            )
        )

    async def ask(self, request: web.Request) -> web.StreamResponse:
        """Do what somebody typed, or filled in."""
        person, asked = request[PERSON], await guard.read_json(request, wire.Ask)
        words = asked.text if asked.text is not None else words_of(asked.command or "", asked.values)
        origin = origin_of(person, asked.key, asked.answered)

        async def card() -> Card:
            return await self._studio.ask(origin, self._request(asked), uploads=asked.uploads, words=words)

        return guard.json_body(await _answered(card(), person, words))

    async def press(self, request: web.Request) -> web.StreamResponse:
        """Do what a button says."""
        person, pressed = request[PERSON], await guard.read_json(request, wire.Press)
        pressing = self._studio.press(origin_of(person, pressed.key, None), pressed.button)
        card = await _answered(pressing, person, "")
        response = guard.json_body(card)
        if _is_forgotten(card):
            self._forget(person.owner)
            response.headers["Clear-Site-Data"] = '"cache"'  # pictures that this browser kept
        return response

    async def hint(self, request: web.Request) -> web.StreamResponse:
        """What would come of the words, while they are being typed. Does nothing."""
        text = (await guard.read_json(request, wire.Hint)).text
        return guard.json_body(self._hinted(text))

    async def conversation(self, request: web.Request) -> web.StreamResponse:
        """Older cards."""
        before = request.query.get("before", "")[:MAX_NAME_CHARS] or None
        cards, has_older = await self._studio.conversation(request[PERSON].owner, before, N_CARDS)
        return guard.json_body(wire.Cards(cards=cards, has_older=has_older))

    async def history(self, request: web.Request) -> web.StreamResponse:
        """Their own pictures with these words, newest first."""
        words = request.query.get("words", "")[:MAX_SEARCH_CHARS]
        before = request.query.get("before", "")[:MAX_NAME_CHARS] or None
        return guard.json_body(await self._studio.history(request[PERSON].owner, words, before, N_LINES))

    def _request(self, asked: wire.Ask) -> Request:
        if asked.text is not None:
            return self._parser.parse(asked.text)
        return self._parser.request_from(asked.command or "", asked.values)

    def _hinted(self, text: str) -> wire.Hinted:
        if not text.strip():
            return wire.Hinted(sentence="", is_refusal=False, n_pictures=0)
        try:
            request = self._parser.parse(text)
        except UserError as exc:
            return wire.Hinted(sentence=str(exc), is_refusal=True, n_pictures=0)
        several = isinstance(request, Imagine) and len(request.wishes) > 1
        sentence = count_sentence(request.wishes) if several and isinstance(request, Imagine) else ""
        return wire.Hinted(sentence=sentence, is_refusal=False, n_pictures=n_pictures(request))


async def _answered(card: Awaitable[Card], person: Person, words: str) -> Card:
    """The studio's card, or one that says why there is none. What is not kept is given its asker and time here."""
    try:
        answer = await card
    except DarkroomError as exc:
        if not isinstance(exc, UserError):
            log.warning("a request was refused for a reason of ours", reason=str(exc))
        answer = _refusal(str(exc), "refusal" if isinstance(exc, UserError) else TROUBLE)
    except Exception:  # noqa: BLE001  # the platform edge
        answer = _refusal(unexpected("a request"), TROUBLE)
    if answer.id:
        return answer
    now_s = time.time()
    return replace(
        answer,
        asker=answer.asker or person.name,
        words=answer.words or _cut(clean(words)),
        created_s=answer.created_s or now_s,
        told_at_s=answer.told_at_s or now_s,
    )


def _is_forgotten(card: Card) -> bool:
    """Everything about them was deleted just now; the question before it has buttons."""
    return card.kind == FORGET and not card.is_refusal and not card.buttons


def _refusal(sentence: str, kind: str) -> Card:
    return Card(id="", kind=kind, state=State.NOTE, sentence=sentence, is_refusal=True)


def origin_of(person: Person, key: str, answered: str | None) -> Origin:
    """Who asks on the page. Nobody can name another's event: the key counts within its person."""
    return Origin(
        platform="web",
        owner=person.owner,
        place=PLACE,
        reply_to=person.owner,
        event_key=f"w:{person.owner.removeprefix('web:')}:{key}",
        asker=person.name,
        answered=answered,
    )


def n_pictures(request: Request) -> int:
    """How many pictures a request comes to; 0 where it makes none."""
    match request:
        case Imagine():
            return sum(wish.n_wanted for wish in request.wishes)
        case Remix():
            return request.wish.n_wanted
        case Vary():
            return request.n_pictures
        case Compare():
            return len(request.values)
        case Upscale() | Again():
            return 1
        case _:
            return 0


def _cut(words: str) -> str:
    return words if len(words) <= _SHOWN_CHARS else words[: _SHOWN_CHARS - 1] + "…"
