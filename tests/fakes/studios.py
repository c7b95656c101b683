"""A studio, a session store and a parser in memory, for tests of the page: everybody has cards, files and uploads."""

import asyncio
from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from bot.cards import Card, Origin, State
from bot.gallery import About, HistoryPage, PictureLine
from bot.recipes import Wish
from bot.requests import Help, Imagine, Request
from engine.engine import EngineStatus
from engine.errors import BadPicture, UserError

UNKNOWN = "I know no picture of yours by that name."


@dataclass(frozen=True, kw_only=True)
class FakeServed:
    """A file to hand out."""

    path: Path
    media_type: str = "image/png"
    download_name: str = "darkroom.png"


@dataclass(frozen=True, kw_only=True)
class FakeUpload:
    """An upload that was kept."""

    id: str
    width_px: int = 8
    height_px: int = 8
    recipe: str | None = None
    words: str | None = None


@dataclass(frozen=True, kw_only=True)
class FakeSession:
    """Who a browser belongs to."""

    owner: str
    name: str
    expires_s: float


@dataclass
class FakeSessions:
    """Sessions and links as a database would keep them."""

    sessions: dict[str, FakeSession] = field(default_factory=dict)
    links: dict[str, FakeSession] = field(default_factory=dict)

    async def add(self, token_hash: str, owner: str, name: str, expires_s: float) -> None:
        """Keep a session."""
        self.sessions[token_hash] = FakeSession(owner=owner, name=name, expires_s=expires_s)

    async def find(self, token_hash: str, now_s: float) -> FakeSession | None:
        """A session that has not expired."""
        found = self.sessions.get(token_hash)
        return found if found and found.expires_s > now_s else None

    async def drop(self, token_hash: str) -> None:
        """End a session."""
        self.sessions.pop(token_hash, None)

    async def add_link(self, token_hash: str, owner: str, name: str, expires_s: float) -> None:
        """Keep a link."""
        self.links[token_hash] = FakeSession(owner=owner, name=name, expires_s=expires_s)

    async def take_link(self, token_hash: str, now_s: float) -> FakeSession | None:
        """Whose link it is, once."""
        found = self.links.pop(token_hash, None)
        return found if found and found.expires_s > now_s else None


class FakeParser:
    """Takes every text as a prompt of one picture; "refuse" is refused, "/help" is help."""

    def parse(self, text: str) -> Request:
        """As typed."""
        if len(text) > 50_000:
            raise UserError(f"That has {len(text):,} characters; 50,000 is the most.")
        if text.startswith("refuse"):
            raise UserError("That is refused; say something else.")
        if text.startswith("/help"):
            return Help(topic="")
        return Imagine(wishes=(Wish(prompt=text),))

    def request_from(self, command: str, values: Mapping[str, str | int | float | bool]) -> Request:
        """As filled in."""
        if command != "imagine":
            raise UserError(f"There is no command /{command}.")
        return Imagine(wishes=(Wish(prompt=str(values["prompt"])),))


@dataclass
class FakeStudio:
    """Keeps what it is told. A picture is a file of its owner's under `files`, a paper what is served of it.

    `answers` are cards to give: to these words, or to a press of the button of that id.
    """

    cards: dict[str, list[Card]] = field(default_factory=lambda: defaultdict(list))
    files: dict[tuple[str, str, str], Path] = field(default_factory=dict)
    papers: dict[tuple[str, str], FakeServed] = field(default_factory=dict)
    answers: dict[str, Card] = field(default_factory=dict)
    commands: Sequence[object] = ()
    forgets: Callable[[], None] = lambda: None
    operators: set[str] = field(default_factory=set)
    asked: list[tuple[Origin, Request, tuple[str, ...], str]] = field(default_factory=list)
    pressed: list[tuple[Origin, str]] = field(default_factory=list)
    uploads: list[tuple[str, bytes]] = field(default_factory=list)
    breaks: Exception | None = None
    n_waiting: int = 0
    is_paused: bool = False
    may_take: asyncio.Event = field(default_factory=asyncio.Event)
    is_slow: bool = False
    n_taking: int = 0
    taking: asyncio.Condition = field(default_factory=asyncio.Condition)

    async def is_taking(self, n_uploads: int) -> None:
        """Wait until so many uploads are being looked at."""
        async with self.taking:
            await self.taking.wait_for(lambda: self.n_taking >= n_uploads)

    async def ask(self, origin: Origin, request: Request, uploads: tuple[str, ...] = (), words: str = "") -> Card:
        """A card that waits; help is not kept."""
        if self.breaks:
            raise self.breaks
        self.asked.append((origin, request, uploads, words))
        if answer := self.answers.get(words):
            return answer
        if isinstance(request, Help):
            return Card(id="", kind="help", state=State.NOTE, sentence="Ask for anything.")
        card = Card(id=f"r{len(self.asked)}", kind="imagine", state=State.WAITING, asker=origin.asker, words=words)
        self.cards[origin.owner].append(card)
        return card

    async def press(self, origin: Origin, button_id: str) -> Card:
        """Notes the press."""
        if answer := self.answers.get(button_id):
            self.pressed.append((origin, button_id))
            if answer.kind == "forget":
                self.forgets()
            return answer
        if not any(card.id == button_id.partition(":")[2] for card in self.cards[origin.owner]):
            raise UserError("I know no such message of yours.")
        self.pressed.append((origin, button_id))
        return Card(id="", kind="press", state=State.NOTE, sentence=button_id)

    async def may_upload(self, origin: Origin) -> None:
        """Everybody may."""

    async def take_upload(self, origin: Origin, file: bytes) -> FakeUpload:
        """Anything but nothing is a picture."""
        if not file.startswith(b"picture"):
            raise BadPicture("That is no picture.")
        if self.is_slow:
            self.n_taking += 1
            async with self.taking:
                self.taking.notify_all()
            await self.may_take.wait()
        self.uploads.append((origin.owner, file))
        return FakeUpload(id=f"u{len(self.uploads)}", recipe="It carries a recipe.", words="/imagine it")

    async def conversation(self, owner: str, before: str | None, limit: int) -> tuple[tuple[Card, ...], bool]:
        """The latest cards."""
        if self.breaks:
            raise self.breaks
        cards = self.cards[owner]
        if before is not None:
            ids = [card.id for card in cards]
            if before not in ids:
                raise UserError("I do not know that message; reload the page.")
            cards = cards[: ids.index(before)]
        return tuple(cards[-limit:]), len(cards) > limit

    async def history(self, owner: str, words: str, before: str | None, limit: int) -> HistoryPage:
        """A line for each card with these words."""
        found = [card for card in self.cards[owner] if words in card.words]
        lines = [
            PictureLine(
                picture=f"{card.id}.1",
                prompt=card.words,
                seed=7,
                model="pocket",
                width_px=8,
                height_px=8,
                created_s=1.0,
            )
            for card in found
        ]
        return HistoryPage(pictures=tuple(lines[:limit]), next=None, total=len(lines))

    async def latest_accounts(self, platform: str, limit: int) -> tuple[str, ...]:
        """Nobody's are remembered."""
        return ()

    async def file(self, owner: str, name: str, kind: str) -> FakeServed:
        """A file of theirs."""
        if kind == "paper" and (paper := self.papers.get((owner, name))):
            return paper
        path = self.files.get((owner, kind, name))
        if path is None:
            raise UserError(UNKNOWN)
        return FakeServed(path=path, download_name=f"darkroom-{name}-seed-7.png")

    def status(self) -> EngineStatus:
        """How many wait."""
        return EngineStatus(
            n_waiting=self.n_waiting, n_running=0, waiting_cost=0.0, workers=(), is_paused=self.is_paused
        )

    def about(self) -> About:
        """Little."""
        return About(
            model="pocket",
            model_note="Draws shapes.",
            commands=self.commands,
            examples=("a red circle",),
            version="0.1.0",
        )
