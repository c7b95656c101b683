"""Calls to the fake Discord: reading one off the wire, and what is kept of it."""

import json
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from tests.fakes.discord_faults import Fault
from tests.fakes.discord_messages import Part
from tests.fakes.discord_refusals import Refusal, Why

Answer = tuple[int, Any]  # status, body; None: nothing
API = "/api/v10"


@dataclass(kw_only=True)
class Call:
    """One call. `path` without /api/v10; `body` parsed, of a multipart its `payload_json`; `parts` only until done.

    `fault`: what the weather made of it. `status` None: nobody answered.
    """

    method: str
    path: str
    query: dict[str, str]
    content_type: str
    at_s: float
    authorization: str = ""
    body: Any = None
    parts: dict[int, Part] = field(default_factory=dict, repr=False)
    files: tuple[str, ...] = ()  # the names of the parts
    n_file_bytes: int = 0
    fault: Fault | None = None
    status: int | None = None
    response: Any = None

    @classmethod
    def begun(cls, request: web.Request, at_s: float) -> "Call":
        """What is known before its body is read."""
        return cls(
            method=request.method,
            path=request.path.removeprefix(API),
            query=dict(request.query),
            content_type=request.content_type if request.can_read_body else "application/json",
            at_s=at_s,
            authorization=request.headers.get("Authorization", ""),
        )

    async def read(self, request: web.Request) -> None:
        """Its body. Raises: Refusal."""
        if not request.can_read_body:
            return
        if self.content_type == "multipart/form-data":
            await self._read_parts(request)
            return
        raw = await request.read()
        self.body = _parsed(raw) if raw else None

    async def _read_parts(self, request: web.Request) -> None:
        names = []
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            content = bytes(await part.read())
            name = part.name or ""
            if name == "payload_json":
                self.body = _parsed(content)
                continue
            names.append(name)
            self.n_file_bytes += len(content)
            number = name.removeprefix("files[").removesuffix("]")
            if number.isdecimal():
                filename = part.filename or "unknown"
                self.parts[int(number)] = Part(filename=filename, content=content)
        self.files = tuple(names)


def _parsed(raw: bytes) -> Any:
    try:
        return json.loads(raw)
    except ValueError:
        raise Refusal(Why.BAD_JSON) from None
