"""Pictures that people send, raw in the body: counted and capped while they arrive, looked at by the studio."""

import secrets
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from http import HTTPStatus

from aiohttp import web

from bot.platforms.web import guard, wire
from bot.platforms.web.api import origin_of
from bot.platforms.web.door import PERSON
from bot.platforms.web.refusals import TOO_LARGE, Refused
from bot.platforms.web.seams import WebStudio
from engine.intake import MAX_FILE_BYTES

MAX_AT_ONCE = 4  # of one person, each up to MAX_FILE_BYTES in memory
MAX_OF_ALL = 16
_NOT_RAW = "This address takes a picture's bytes (Content-Type: application/octet-stream)."
_TOO_MANY = "Too many pictures are on their way at once; wait until they are here."


class Uploads:
    """Takes pictures in."""

    def __init__(self, studio: WebStudio, max_bytes: int = MAX_FILE_BYTES) -> None:
        self._studio = studio
        self._max_bytes = max_bytes
        self._n_coming: Counter[str] = Counter()

    def routes(self) -> list[web.RouteDef]:
        """Where pictures go."""
        return [web.post("/api/uploads", self.take)]

    async def take(self, request: web.Request) -> web.StreamResponse:
        """Keep a picture that somebody dropped, pasted, chose or drew."""
        if request.content_type != "application/octet-stream":
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, _NOT_RAW)
        person = request[PERSON]
        origin = origin_of(person, secrets.token_hex(8), None)
        with self._coming(person.owner):
            await self._studio.may_upload(origin)
            taken = await self._studio.take_upload(origin, await self._body(request))
        return guard.json_body(
            wire.Uploaded(
                upload=taken.id,
                width_px=taken.width_px,
                height_px=taken.height_px,
                recipe=taken.recipe,
                words=taken.words,
            )
        )

    async def _body(self, request: web.Request) -> bytes:
        too_large = Refused(HTTPStatus.REQUEST_ENTITY_TOO_LARGE, TOO_LARGE.format(self._max_bytes // 2**20))
        if (request.content_length or 0) > self._max_bytes:
            raise too_large
        body = bytearray()
        async for chunk in request.content.iter_any():
            body += chunk
            if len(body) > self._max_bytes:
                raise too_large
        return bytes(body)

    @contextmanager
    def _coming(self, owner: str) -> Iterator[None]:
        if self._n_coming[owner] >= MAX_AT_ONCE or self._n_coming.total() >= MAX_OF_ALL:
            raise Refused(HTTPStatus.TOO_MANY_REQUESTS, _TOO_MANY, wait_s=1.0)
        self._n_coming[owner] += 1
        try:
            yield
        finally:
            self._n_coming[owner] -= 1
            self._n_coming += Counter()  # forgets those with none
