"""The form of a remix: what it asks, filled in with what is there; and what was filled in. Pure."""

from collections.abc import Iterator, Mapping
from typing import Any

Json = dict[str, Any]

MAX_PROMPT = 4_000  # Discord's most of a field
_LABEL, _INPUT = 18, 4
_SHORT, _LONG = 1, 2
PICTURE, UPLOAD = "remix", "remix-file"  # a form's id is one of these, a colon and the picture's name or the upload's


def remix_form(form_id: str, prompt: str, strength: str) -> Json:
    """The form: new words for a picture, and how much of it to repaint."""
    words = _field("prompt", _LONG, prompt, max_length=MAX_PROMPT)
    how_much = _field("strength", _SHORT, strength, max_length=8)
    return {
        "custom_id": form_id,
        "title": "Remix this picture",
        "components": [
            _labelled("Prompt", "What to make of it. Flags such as --seed 7 work in here too", words),
            _labelled("Strength", "How much to repaint: 0.3 keeps most of it, 0.8 little", how_much),
        ],
    }


def filled_in(data: Mapping[str, Any]) -> dict[str, str]:
    """The fields of a form that came back, by their ids; empty ones are left out."""
    return {str(part["custom_id"]): str(part["value"]) for part in _inputs(data.get("components", [])) if part["value"]}


def _labelled(label: str, description: str, component: Json) -> Json:
    return {"type": _LABEL, "label": label, "description": description, "component": component}


def _field(name: str, style: int, value: str, *, max_length: int) -> Json:
    field: Json = {"type": _INPUT, "custom_id": name, "style": style, "required": False, "max_length": max_length}
    return field | ({"value": value[:max_length]} if value else {})


def _inputs(components: list[Mapping[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """In labels, and in rows as older clients send them."""
    for each in components:
        if "custom_id" in each and "value" in each:
            yield each
        yield from _inputs([*each.get("components", []), *([each["component"]] if "component" in each else [])])
