"""What the page needs of the rest of the house, and no more. The studio and the store's sessions have all of it."""

from pathlib import Path
from typing import Protocol

from bot.cards import Card, Origin
from bot.gallery import About, HistoryPage
from bot.requests import Request
from engine.engine import EngineStatus


class Served(Protocol):
    """A file to hand out. `download_name` is what it should be called on somebody's disk."""

    @property
    def path(self) -> Path:
        """Where it lies."""

    @property
    def media_type(self) -> str:
        """What it is, as in "image/png"."""

    @property
    def download_name(self) -> str:
        """What a person would call it."""


class Taken(Protocol):
    """An upload that was checked and kept. `recipe` is a sentence on the recipe in it; `words` draw it again."""

    @property
    def id(self) -> str:
        """Its name from now on, to its owner only."""

    @property
    def width_px(self) -> int:
        """Upright."""

    @property
    def height_px(self) -> int:
        """Upright."""

    @property
    def recipe(self) -> str | None:
        """None where the file carries no recipe."""

    @property
    def words(self) -> str | None:
        """None where the file carries no recipe."""


class WebStudio(Protocol):
    """What people can do. Each method raises UserError with a sentence for them, StorageError if the disk is ill."""

    async def ask(self, origin: Origin, request: Request, /, uploads: tuple[str, ...] = (), words: str = "") -> Card:
        """Do what somebody asked. A card with an id goes on changing."""

    async def press(self, origin: Origin, button_id: str, /) -> Card:
        """Do what a button says."""

    async def may_upload(self, origin: Origin, /) -> None:
        """To be asked before a picture's bytes are read. Raises: UserError for who may not send one."""

    async def take_upload(self, origin: Origin, file: bytes, /) -> Taken:
        """Check and keep a picture. Raises: BadPicture."""

    async def conversation(self, owner: str, before: str | None, limit: int, /) -> tuple[tuple[Card, ...], bool]:
        """Their latest cards, or those before a request; oldest first, and whether there are older ones."""

    async def history(self, owner: str, words: str, before: str | None, limit: int, /) -> HistoryPage:
        """Their pictures with all of these words, newest first."""

    async def file(self, owner: str, name: str, kind: str, /) -> Served:
        """A file of theirs. Kind: picture, thumbnail, animation, upload, paper. What is not theirs is not there."""

    def status(self) -> EngineStatus:
        """The engine at this moment."""

    def about(self) -> About:
        """What this Darkroom is."""


class Session(Protocol):
    """Who a browser belongs to."""

    @property
    def owner(self) -> str:
        """Opaque: "web:operator"."""

    @property
    def name(self) -> str:
        """A name to show."""


class SessionStore(Protocol):
    """Sessions and one-time links. Tokens are kept as hashes only; times are Unix seconds."""

    async def add(self, token_hash: str, owner: str, name: str, expires_s: float, /) -> None:
        """Keep a session."""

    async def find(self, token_hash: str, now_s: float, /) -> Session | None:
        """The session of a token that has not expired."""

    async def drop(self, token_hash: str, /) -> None:
        """End a session; unknown ones are ended already."""

    async def add_link(self, token_hash: str, owner: str, name: str, expires_s: float, /) -> None:
        """Keep a one-time link."""

    async def take_link(self, token_hash: str, now_s: float, /) -> Session | None:
        """Whose link it is, once; None from then on, and once it has expired."""
