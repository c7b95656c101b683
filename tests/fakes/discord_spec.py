"""Judges what went over the wire by descriptions that we did not write (`tests/specs`).

Requests and answers by Discord's own OpenAPI, gateway payloads by schemas generated from discord-api-types. One check
of a large message takes about 2 ms: record first, judge afterwards. Knows nothing of the fake server.
"""

import json
import re
from bisect import bisect
from collections.abc import Collection, Iterable, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, Draft202012Validator  # type: ignore[import-untyped]
from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]
from referencing import Registry
from referencing.jsonschema import DRAFT202012

SPECS = Path(__file__).parents[1] / "specs"
_METHODS = ("get", "put", "post", "patch", "delete")
_TAGS = ("type", "source", "status")  # fields that say which branch of a union is meant
_LIMITS = ("minLength", "maxLength", "minimum", "maximum")
_FEW, _WORD, _SNOWFLAKE = 1000, 24, 15  # smaller numbers and shorter words may be one of a few that are allowed
_ESCAPES = {"~": "~0", "/": "~1", "{": "%7B", "}": "%7D", "[": "%5B", "]": "%5D"}


class DiscordSpec:
    """Discord's interface. Every check returns a list of problems, which is empty when there are none."""

    def __init__(self, folder: Path = SPECS) -> None:
        self._folder = folder
        self._openapi: dict[str, Any] = json.loads((folder / "discord-openapi.json").read_text(encoding="utf-8"))
        self._registry: Registry[Any] = Registry().with_resource(
            "urn:discord", DRAFT202012.create_resource(self._openapi)
        )
        self._operations: list[tuple[str, str, re.Pattern[str], dict[str, Any]]] = []
        for template, item in self._openapi["paths"].items():
            pattern = re.compile("^" + re.sub(r"\\\{[^}]+\\\}", r"([^/]+)", re.escape(template)) + "$")
            self._operations += [
                (method.upper(), template, pattern, item[method]) for method in _METHODS if method in item
            ]
        self._operations.sort(key=lambda each: each[1].count("{"))  # `@original` and `@me` before `{id}`
        self._validator = lru_cache(maxsize=None)(self._new_validator)
        self._gateway_validator = lru_cache(maxsize=None)(self._new_gateway_validator)

    @cached_property
    def _gateway(self) -> dict[str, Any]:
        found: dict[str, Any] = json.loads((self._folder / "discord-gateway.schema.json").read_text(encoding="utf-8"))
        return found

    def template(self, method: str, path: str) -> str:
        """The operation's path with its parameters in braces; "" where there is none."""
        return self._find(method, path)[0]

    def check_request(
        self,
        method: str,
        path: str,
        *,
        content_type: str = "application/json",
        body: Any = None,
        query: Iterable[str] = (),
        files: Collection[str] = (),
    ) -> list[str]:
        """`path` without /api/v10; `body` parsed (`payload_json` of a multipart); `files`: the names of its parts."""
        template, operation = self._find(method, path)
        if not operation:
            return [f"{method} {path}: no such operation in the spec"]
        known = {each["name"] for each in operation.get("parameters", []) if each.get("in") == "query"}
        problems = [f"query {name}: not in the spec" for name in query if name not in known]
        described = operation.get("requestBody")
        if described is None:
            return problems + ([] if body in (None, {}) else ["body sent, and the spec has none"])
        if body is None:
            return problems + (["body missing"] if described.get("required") else [])
        if content_type not in described["content"]:
            return [*problems, f"content-type {content_type} is not in the spec: {list(described['content'])}"]
        pointer = _pointer("paths", template, method.lower(), "requestBody", "content", content_type, "schema")
        body = _with_text_ids(body)
        problems += [_short(each) for each in self._validator(pointer).iter_errors(body)]
        return problems + _files_problems(body, files)

    def check_response(self, method: str, path: str, status: int, body: Any) -> list[str]:
        """What the server answered. `body` None: nothing."""
        template, operation = self._find(method, path)
        if not operation:
            return [f"{method} {path}: no such operation in the spec"]
        responses = operation["responses"]
        key = next((each for each in (str(status), f"{status // 100}XX") if each in responses), "")
        if not key:
            return [f"status {status} is not in the spec: {list(responses)}"]
        response, place = responses[key], ("paths", template, method.lower(), "responses", key)
        if "$ref" in response:
            place = tuple(response["$ref"].lstrip("#/").split("/"))
            response = self._openapi["components"]["responses"][place[-1]]
        if "content" not in response:
            return [] if body in (None, "") else ["body sent, and the spec says none"]
        pointer = _pointer(*place, "content", "application/json", "schema")
        return [_short(each) for each in self._validator(pointer).iter_errors(body)]

    def check_gateway(self, kind: str, payload: Any) -> list[str]:
        """`kind`: slash, button, ready, guildCreate, hello, identify, heartbeat, resume or message."""
        return [_short(each) for each in self._gateway_validator(kind).iter_errors(payload)]

    def shape(self, value: Any, key: str = "") -> Any:
        """Equal for values that all checks judge alike: names, and lengths and sizes between two limits, are one."""
        if isinstance(value, Mapping):
            return tuple((name, self.shape(each, name)) for name, each in sorted(value.items()))
        if isinstance(value, list):
            return tuple(self.shape(each, key) for each in value)
        if isinstance(value, str):
            return self._shape_of_text(value, key)
        if isinstance(value, bool) or not isinstance(value, int) or key in _TAGS or value <= _FEW:
            return (type(value), value)  # True is 1 to a dictionary
        return (int, bisect(self._limits, value))

    def _shape_of_text(self, text: str, key: str) -> Any:
        if text.isdecimal() and len(text) >= _SNOWFLAKE:
            return ("snowflake",)
        is_word = len(text) <= _WORD and (text.isdecimal() or text.replace("_", "").replace("-", "").isalpha())
        return text if is_word or key in _TAGS else (str, bisect(self._limits, len(text)))

    @cached_property
    def _limits(self) -> list[int]:
        """Every length and number at which a verdict may change."""
        found: set[int] = set()

        def collect(schema: Any) -> None:
            if isinstance(schema, list):
                for each in schema:
                    collect(each)
            elif isinstance(schema, dict):
                for name in _LIMITS:
                    if isinstance(schema.get(name), int):
                        found.update((schema[name], schema[name] + 1))
                for each in schema.values():
                    collect(each)

        collect(self._openapi)
        return sorted(found)

    def _find(self, method: str, path: str) -> tuple[str, dict[str, Any]]:
        for known, template, pattern, operation in self._operations:
            if known == method and pattern.match(path):
                return template, operation
        return "", {}

    def _new_validator(self, pointer: str) -> Draft202012Validator:
        return Draft202012Validator({"$ref": f"urn:discord#{pointer}"}, registry=self._registry)

    def _new_gateway_validator(self, kind: str) -> Draft7Validator:
        definitions = self._gateway["definitions"]
        return Draft7Validator({**definitions["All"]["properties"][kind], "definitions": definitions})


def _pointer(*parts: str) -> str:
    return "".join("/" + "".join(_ESCAPES.get(each, each) for each in part) for part in parts)


def _with_text_ids(body: Any) -> Any:
    """discord.py writes `attachments[].id` as a number where the spec says text; Discord takes both."""
    if not isinstance(body, dict):
        return body
    body = dict(body)
    if isinstance(body.get("data"), dict):
        body["data"] = _with_text_ids(body["data"])
    if isinstance(body.get("attachments"), list):
        body["attachments"] = [
            {**each, "id": str(each["id"])} if isinstance(each, dict) and type(each.get("id")) is int else each
            for each in body["attachments"]
        ]
    return body


def _files_problems(body: Any, files: Collection[str]) -> list[str]:
    """Every part must be one that Discord reads, and be named in `attachments` where there is such a list."""
    listed = (body.get("data") or body).get("attachments") if isinstance(body, dict) else None
    ids = {str(each.get("id")) for each in listed or []}
    problems = []
    for name in files:
        number = re.fullmatch(r"files\[(\d+)\]", name)
        if not number:
            problems.append(f"multipart part {name!r}: Discord reads files[n]")
        elif listed is not None and number[1] not in ids:
            problems.append(f"part {name} has no entry in attachments")
    return problems


def _short(error: ValidationError, depth: int = 0) -> str:
    """Where and what; in a union, what is wrong in the branch that was meant."""
    here = len(error.absolute_path)
    if error.context and depth < 8:
        branches: dict[Any, list[ValidationError]] = {}
        for each in error.context:
            branches.setdefault(each.schema_path[0], []).append(each)
        meant = [found for found in branches.values() if not any(_is_wrong_tag(each, here) for each in found)]
        if meant:
            fewest = min(meant, key=len)
            if fewest[0].validator != "type" or len(fewest[0].absolute_path) > here:
                return _short(fewest[0], depth + 1)
    said = error.message if len(error.message) < 220 else "..." + error.message[-160:]
    return f"{'/'.join(map(str, error.absolute_path)) or '<root>'}: {said}"


def _is_wrong_tag(error: ValidationError, depth: int) -> bool:
    path = error.absolute_path
    return len(path) == depth + 1 and path[-1] in _TAGS and error.validator in ("enum", "const")
