"""Calls to the fake Bot API: reading one off the wire, and what is kept of it."""

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from aiohttp import BodyPartReader, web

from tests.fakes.telegram_faults import Fault
from tests.fakes.telegram_files import Part
from tests.fakes.telegram_refusals import Refusal, Why


@dataclass(kw_only=True)
class Fields:
    """What was said, everything as text and JSON in it too; read as leniently as the Bot API reads it."""

    form: dict[str, str] = field(default_factory=dict)

    def text(self, name: str) -> str:
        """Empty where there is none."""
        return self.form.get(name, "")

    def integer(self, name: str, default: int = 0) -> int:
        """The default where there is none, or something else."""
        text = self.form.get(name, "")
        return int(text) if text.lstrip("-").isdecimal() else default

    def flag(self, name: str) -> bool:
        """Whether it is set."""
        return self.form.get(name, "").lower() in ("true", "yes", "1")

    def json(self, name: str) -> Any:
        """None where there is none. Raises: Refusal."""
        text = self.form.get(name, "")
        return _parsed(text) if text else None

    @classmethod
    def of(cls, said: Mapping[str, Any]) -> "Fields":
        """An object within a call."""
        return cls(form={name: each if isinstance(each, str) else json.dumps(each) for name, each in said.items()})


@dataclass(kw_only=True)
class Call(Fields):
    """One call. `parts`: uploads by name, only until done.

    `fault`: what the weather made of it. `status` None: nobody answered.
    """

    method: str
    token: str
    at_s: float
    parts: dict[str, Part] = field(default_factory=dict, repr=False)
    files: tuple[str, ...] = ()  # the names of the parts
    n_file_bytes: int = 0
    is_read: bool = False
    fault: Fault | None = None
    status: int | None = None
    response: Any = None

    @property
    def result(self) -> Any:
        """What was answered with "ok", None otherwise."""
        return self.response.get("result") if isinstance(self.response, dict) else None

    @property
    def chat_id(self) -> int | None:
        """The chat that it is about, where it names one by its number."""
        number = self.form.get("chat_id", "")
        return int(number) if number.lstrip("-").isdecimal() else None

    async def read(self, request: web.Request) -> None:
        """What it says: in its address, and as a form, in parts or as JSON. Raises: Refusal."""
        self.form = dict(request.query)
        if not request.can_read_body:
            pass
        elif request.content_type == "multipart/form-data":
            await self._read_parts(request)
        elif request.content_type == "application/json":
            said = _parsed(await request.text())
            if not isinstance(said, dict):
                raise Refusal(Why.JSON)
            self.form |= Fields.of(said).form
        else:
            form = await request.post()
            self.form |= {name: each for name, each in form.items() if isinstance(each, str)}
        self.is_read = True

    async def _read_parts(self, request: web.Request) -> None:
        async for part in await request.multipart():
            assert isinstance(part, BodyPartReader)
            content, name = bytes(await part.read()), part.name or ""
            if part.filename is None:
                self.form[name] = content.decode()
                continue
            self.n_file_bytes += len(content)
            type_ = part.headers.get("Content-Type", "")
            self.parts[name] = Part(filename=part.filename, content=content, content_type=type_)
        self.files = tuple(self.parts)

    def upload(self, reference: str) -> Part | None:
        """What is uploaded under this name, or under "attach://" and a name."""
        return self.parts.get(reference.removeprefix("attach://"))


def _parsed(text: str) -> Any:
    try:
        return json.loads(text)
    except ValueError:
        raise Refusal(Why.JSON) from None
