"""Judges what went over the fake Bot API's wire by a description that we did not write (`tests/specs`).

The description is scraped from core.telegram.org by others; its limits stand in prose and are read from there. One
check of a message takes about 0.3 ms: record first, judge afterwards. Knows nothing of the fake server.
"""

import json
import re
from bisect import bisect
from collections.abc import Collection, Iterator, Mapping
from functools import cached_property, lru_cache
from pathlib import Path
from typing import Any

from jsonschema import Draft7Validator, validators  # type: ignore[import-untyped]
from jsonschema.exceptions import ValidationError  # type: ignore[import-untyped]

SPECS = Path(__file__).parents[1] / "specs"
_TAGS = ("type", "source", "status")  # fields that say which branch of a union is meant
_PLAIN: dict[str, dict[str, Any]] = {
    "Integer": {"type": "integer"},
    "Float": {"type": "number"},
    "String": {"type": "string"},
    "Boolean": {"type": "boolean"},
    "True": {"const": True},
}
_LENGTH = re.compile(r"(\d+)-(\d+) (characters|bytes)")
_TAG = re.compile(r"(?:must be|always) (?:always )?[“\"]?(\w+)[”\"]?")
_ATTACHED = re.compile(r"attach://([^\"\\\s]+)")
_WORD = 24  # shorter words may be one of a few that are allowed

Schema = dict[str, Any]


class TelegramSpec:
    """The Bot API. Every check returns a list of problems, which is empty when there are none."""

    def __init__(self, folder: Path = SPECS) -> None:
        self._api: dict[str, Any] = json.loads((folder / "telegram-api.json").read_text(encoding="utf-8"))
        self.version: str = self._api["version"]
        self._names: dict[str, str] = {name.lower(): name for name in self._api["methods"]}
        self._types = {name: self._type_schema(each) for name, each in self._api["types"].items()}
        self._types.setdefault("InputFile", {"type": "string"})
        self._validator = lru_cache(maxsize=None)(self._new_validator)

    def name(self, method: str) -> str:
        """The method as it is written, "" where there is none: names have no case on the wire."""
        return self._names.get(method.lower(), "")

    def decode(self, method: str, form: Mapping[str, str]) -> dict[str, Any]:
        """Forms carry everything as text; each value as what the spec says it is."""
        fields = self._fields(method)
        return {
            name: _decoded(value, fields[name]["types"]) if name in fields else value for name, value in form.items()
        }

    def check_request(self, method: str, form: Mapping[str, str], files: Collection[str] = ()) -> list[str]:
        """`files`: the names of the parts that were uploaded."""
        name = self.name(method)
        if not name:
            return [f"{method}: no such method in the spec"]
        fields, asked = self._fields(name), self.decode(name, form)
        for part in files:
            if part in fields and "InputFile" in fields[part]["types"]:
                asked.setdefault(part, f"attach://{part}")
        problems = [_short(each) for each in self._validator("methods", name).iter_errors(asked)]
        named = _ATTACHED.findall(json.dumps(asked))
        problems += [f"attach://{each}: no such part" for each in named if each not in files]
        problems += [f"part {each}: nobody names it" for each in files if each not in named]
        return problems

    def check_result(self, method: str, result: Any) -> list[str]:
        """What was answered with "ok"."""
        tried = [(kind, self._of(kind, result)) for kind in self._api["methods"][self.name(method)]["returns"]]
        if any(not found for _, found in tried):
            return []
        return [f"as {kind}: {each}" for kind, found in tried for each in found[:3]]

    def check_type(self, kind: str, value: Any) -> list[str]:
        """A value of one of the types: "Update", "Message"."""
        return [_short(each) for each in self._validator("types", kind).iter_errors(value)]

    def shape(self, value: Any, key: str = "") -> Any:
        """Equal for values that all checks judge alike: names, and lengths between two limits, are one."""
        if isinstance(value, Mapping):
            return tuple((name, self.shape(each, name)) for name, each in sorted(value.items()))
        if isinstance(value, list):
            return tuple(self.shape(each, key) for each in value)
        if isinstance(value, str):
            is_tag = key in _TAGS and len(value) <= _WORD
            return value if is_tag else (str, *(bisect(self._limits, n) for n in (len(value), len(value.encode()))))
        return (bool, value) if isinstance(value, bool) else type(value)

    @cached_property
    def _limits(self) -> list[int]:
        """Every length at which a verdict may change."""
        found: set[int] = set()
        for each in (*self._api["methods"].values(), *self._api["types"].values()):
            for field in each.get("fields") or []:
                for least, most, _ in _LENGTH.findall(field["description"]):
                    found |= {int(least), int(least) + 1, int(most), int(most) + 1}
        return sorted(found)

    def _fields(self, method: str) -> dict[str, Any]:
        return {each["name"]: each for each in self._api["methods"][self.name(method)].get("fields", [])}

    def _of(self, kind: str, value: Any) -> list[str]:
        validator = Draft7Validator({**_schema(kind), "definitions": self._types})
        return [_short(each) for each in validator.iter_errors(value)]

    def _type_schema(self, described: Mapping[str, Any]) -> Schema:
        if described.get("subtypes"):
            return {"anyOf": [_schema(each) for each in described["subtypes"]]}
        return _object(described.get("fields") or [])

    def _new_validator(self, group: str, name: str) -> Any:
        schema = self._types[name] if group == "types" else _object(self._api["methods"][name].get("fields") or [])
        return _Validator({**schema, "definitions": self._types})


def _object(fields: list[dict[str, Any]]) -> Schema:
    return {
        "type": "object",
        "properties": {each["name"]: _field(each) for each in fields},
        "required": [each["name"] for each in fields if each["required"]],
        "additionalProperties": False,
        "lengths": {each["name"]: length for each in fields if (length := _length(each))},
    }


def _field(described: Mapping[str, Any]) -> Schema:
    schemas = [_schema(each) for each in described["types"]]
    tag = _TAG.search(described["description"]) if described["name"] in _TAGS else None
    if tag and described["types"] == ["String"]:
        return {"type": "string", "const": tag[1]}
    return schemas[0] if len(schemas) == 1 else {"anyOf": schemas}


def _length(described: Mapping[str, Any]) -> tuple[int, int, str, bool] | None:
    """From, to, of what, and whether it is counted after the entities were parsed."""
    found = _LENGTH.search(described["description"]) if "String" in described["types"] else None
    if not found:
        return None
    return int(found[1]), int(found[2]), found[3], "after entities parsing" in described["description"]


def _schema(kind: str) -> Schema:
    if kind.startswith("Array of "):
        return {"type": "array", "items": _schema(kind.removeprefix("Array of "))}
    return _PLAIN.get(kind, {"$ref": f"#/definitions/{kind}"})


def _lengths(_validator: Any, limits: Mapping[str, Any], instance: Any, _whole: Any) -> Iterator[ValidationError]:
    """A marked-up text may be longer on the wire than what is counted."""
    if not isinstance(instance, dict):
        return
    for name, (least, most, of, is_after_parsing) in limits.items():
        text = instance.get(name)
        if not isinstance(text, str) or (is_after_parsing and any("parse_mode" in each for each in instance)):
            continue
        n = len(text.encode()) if of == "bytes" else len(text)
        if not least <= n <= most:
            yield ValidationError(f"{n} {of}, allowed {least}-{most}", path=[name])


_Validator = validators.extend(Draft7Validator, {"lengths": _lengths})


def _decoded(value: Any, kinds: list[str]) -> Any:
    if not isinstance(value, str) or kinds == ["String"]:
        return value
    try:
        found = json.loads(value)
    except ValueError:
        return value
    return value if isinstance(found, str) and "String" in kinds else found


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
