"""Who is it: the cookie of a browser → a person; new sessions, one-time links, and their end. Knows nothing of HTTP.

A token is 256 random bits and exists in the browser only: what is stored is its hash, so that a copied database signs
nobody in. Nobody's password is stored at all.
"""

import hashlib
import hmac
import secrets
import time
import unicodedata
from collections.abc import Callable
from dataclasses import dataclass

from bot.platforms.web.seams import SessionStore
from bot.platforms.web.settings import WebSettings

OPERATOR = "web:operator"
OPERATOR_NAME = "You"
SESSION_S = 365 * 24 * 3600.0
LINK_S = 600.0
MAX_NAME_CHARS = 40
_TOKEN_BYTES = 32
_MAX_TOKEN_CHARS = 64


@dataclass(frozen=True, slots=True, kw_only=True)
class Person:
    """Who a request is from. `session` is the hash of their token, None where no token is needed."""

    owner: str
    name: str
    session: str | None = None

    @property
    def is_operator(self) -> bool:
        """Runs this Darkroom."""
        return self.owner == OPERATOR


class Sessions:
    """Lets people in, and knows them again."""

    def __init__(self, settings: WebSettings, store: SessionStore, now_s: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._store = store
        self._now_s = now_s
        self._password = _digest(settings.password or "")

    async def person(self, token: str | None) -> Person | None:
        """Whose browser it is; None for nobody known."""
        if self._settings.is_open:
            return Person(owner=OPERATOR, name=OPERATOR_NAME)
        if not token or len(token) > _MAX_TOKEN_CHARS:
            return None
        session = hash_of(token)
        found = await self._store.find(session, self._now_s())
        return Person(owner=found.owner, name=found.name, session=session) if found else None

    def is_password(self, given: str) -> bool:
        """Takes the same time for every wrong one."""
        return bool(self._settings.password) and hmac.compare_digest(_digest(given), self._password)

    async def begin(self, name: str) -> str:
        """A new person; returns the token of their session."""
        return await self._begin(f"web:{secrets.token_hex(8)}", clean_name(name))

    async def begin_by_link(self, link: str) -> str | None:
        """The token of a session for whom the link is; None if it was used, or is too old, or never was."""
        if len(link) > _MAX_TOKEN_CHARS:
            return None
        found = await self._store.take_link(hash_of(link), self._now_s())
        return await self._begin(found.owner, found.name) if found else None

    async def link(self, owner: str = OPERATOR, name: str = OPERATOR_NAME) -> str:
        """A new one-time link for another browser of the same person."""
        link = secrets.token_urlsafe(_TOKEN_BYTES)
        await self._store.add_link(hash_of(link), owner, name, self._now_s() + LINK_S)
        return link

    async def end(self, person: Person) -> None:
        """Sign out."""
        if person.session:
            await self._store.drop(person.session)

    async def _begin(self, owner: str, name: str) -> str:
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        await self._store.add(hash_of(token), owner, name, self._now_s() + SESSION_S)
        return token


def hash_of(token: str) -> str:
    """What is stored of a token. Random tokens need no slow hash."""
    return hashlib.sha256(token.encode(errors="surrogatepass")).hexdigest()


def clean_name(name: str) -> str:
    """A name as it may be shown: one line, no invisible characters, not long. "Guest" where nothing is left."""
    shown = "".join(" " if character.isspace() else character for character in name if _is_shown(character))
    return " ".join(shown.split())[:MAX_NAME_CHARS].strip() or "Guest"


def _is_shown(character: str) -> bool:
    return character.isspace() or unicodedata.category(character) not in ("Cc", "Cf", "Cs", "Co", "Cn")


def _digest(password: str) -> bytes:
    return hashlib.sha256(password.encode(errors="surrogatepass")).digest()
