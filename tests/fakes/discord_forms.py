"""Filling in the forms of the fake Discord (modals), as its client sends them back."""

from collections.abc import Mapping
from typing import Any

from tests.fakes.discord_rules import BOX, BOXES, FIELDS, INPUT, LABEL, RADIOS, ROW, SELECT, SELECTS, TEXT, UPLOAD, walk
from tests.fakes.discord_wire import attachment_json
from tests.fakes.discord_world import Attachment, Json


def filled_in(modal: Json, values: Mapping[str, Any]) -> Json:
    """The data of a submit. `values`: text, a list of options, True, or a list of files, by custom_id.

    Raises: AssertionError where the client would not send it.
    """
    known = {each["custom_id"] for _, each in walk(modal["components"]) if each.get("type") in FIELDS}
    assert set(values) <= known, f"no such fields: {sorted(set(values) - known)}; there are {sorted(known)}"
    resolved: Json = {}
    ids = iter(range(1, 1000))
    components = [_component(each, values, ids, resolved) for each in modal["components"]]
    data: Json = {"custom_id": modal["custom_id"], "components": components}
    return data | {"resolved": {"attachments": resolved}} if resolved else data


def _component(component: Json, values: Mapping[str, Any], ids: Any, resolved: Json) -> Json:
    kind = component["type"]
    told: Json = {"type": kind, "id": component.get("id") or next(ids)}
    if kind == ROW:
        told["components"] = [_component(each, values, ids, resolved) for each in component["components"]]
    elif kind == LABEL:
        told["component"] = _component(component["component"], values, ids, resolved)
    elif kind == TEXT:
        pass
    else:
        told["custom_id"] = component["custom_id"]
        told |= _value(component, values, resolved)
    return told


def _value(component: Json, values: Mapping[str, Any], resolved: Json) -> Json:
    name, kind = component["custom_id"], component["type"]
    if kind == INPUT:
        return {"value": _text(component, values.get(name, component.get("value") or ""))}
    if kind == BOX:
        return {"value": bool(values.get(name, component.get("default")))}
    options = component.get("options") or []
    chosen = values.get(name, [each["value"] for each in options if each.get("default")])
    if kind == RADIOS:
        chosen = [chosen] if isinstance(chosen, str) else list(chosen)
    if kind in (SELECT, RADIOS, BOXES):
        known = [each["value"] for each in options]
        assert set(chosen) <= set(known), f"{name}: {chosen} are not all among {known}"
    is_required = component.get("required", True)
    assert chosen or not is_required, f"field {name!r} is required"
    if kind == RADIOS:
        return {"value": chosen[0] if chosen else None}
    if kind == UPLOAD:
        for file in chosen:
            assert isinstance(file, Attachment), f"{name!r} takes files"
            resolved[str(file.id)] = attachment_json(file)
        chosen = [str(file.id) for file in chosen]
    least, most = component.get("min_values", 0 if kind == BOXES else 1), component.get("max_values", 1)
    most = len(options) if kind == BOXES and "max_values" not in component else most
    assert not chosen or least <= len(chosen) <= most, f"{name!r} takes {least} to {most} values"
    assert kind in (*SELECTS, UPLOAD, BOXES), f"{name!r} is of an unknown type {kind}"
    return {"values": list(chosen)}


def _text(component: Json, text: Any) -> str:
    name = component["custom_id"]
    assert isinstance(text, str), f"{name!r} takes text"
    assert text or not component.get("required", True), f"field {name!r} is required"
    least, most = component.get("min_length") or 0, component.get("max_length") or 4000
    assert not text or least <= len(text) <= most, f"{name!r} takes {least} to {most} characters, not {len(text)}"
    return text
