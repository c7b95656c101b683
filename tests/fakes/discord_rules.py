"""What a message, its components and a modal may be, by the limits of Discord's documentation; errors as path → what.

What the machine-readable spec does not say is here: limits that count over a whole message, names of attachments that
must exist, ids that must be unique. Sizes of single fields that the spec knows are here as far as bots meet them.
"""

from collections.abc import Collection, Iterator
from typing import Any

from tests.fakes.discord_world import COMPONENTS_V2, Json

ROW, BUTTON, SELECT, INPUT, SECTION, TEXT, THUMBNAIL, GALLERY, FILE, SEPARATOR = 1, 2, 3, 4, 9, 10, 11, 12, 13, 14
CONTAINER, LABEL, UPLOAD, RADIOS, BOXES, BOX = 17, 18, 19, 21, 22, 23
SELECTS = (SELECT, 5, 6, 7, 8)
FIELDS = (INPUT, *SELECTS, UPLOAD, RADIOS, BOXES, BOX)
_IN_CONTAINER = (ROW, SECTION, TEXT, GALLERY, FILE, SEPARATOR)
MOST_COMPONENTS, MOST_ROWS, MOST_BUTTONS, MOST_TEXT, MOST_CONTENT = 40, 5, 5, 4000, 2000
MOST_EMBEDS, MOST_EMBED_TEXT, MOST_FILES = 10, 6000, 10

Errors = dict[str, str]


def walk(components: list[Json], path: str = "components") -> Iterator[tuple[str, Json]]:
    """Each component with its place, a parent before its children."""
    for number, component in enumerate(components):
        yield from _walk_one(component, f"{path}.{number}")


def _walk_one(component: Json, path: str) -> Iterator[tuple[str, Json]]:
    yield path, component
    yield from walk(component.get("components") or [], f"{path}.components")
    for name in ("accessory", "component"):
        if isinstance(component.get(name), dict):
            yield from _walk_one(component[name], f"{path}.{name}")


def media(component: Json) -> Iterator[tuple[str, Json]]:
    """The pictures and files that it shows, each with its place in it."""
    if component["type"] == GALLERY:
        for number, item in enumerate(component.get("items") or []):
            yield f"items.{number}.media", item.get("media") or {}
    elif component["type"] == THUMBNAIL:
        yield "media", component.get("media") or {}
    elif component["type"] == FILE:
        yield "file", component.get("file") or {}


def message_errors(
    *, content: str, embeds: list[Json], components: list[Json], flags: int, names: Collection[str], n_files: int
) -> Errors:
    """What is wrong with a message as it would be. `names`: of its attachments."""
    errors: Errors = {}
    if flags & COMPONENTS_V2:
        for name, value in (("content", content), ("embeds", embeds)):
            if value:
                errors[name] = "The 'content' and 'embeds' fields cannot be used when using IS_COMPONENTS_V2"
        if not components:
            errors["components"] = "A component is required"
    if len(content) > MOST_CONTENT:
        errors["content"] = f"Must be {MOST_CONTENT} or fewer in length."
    if n_files > MOST_FILES:
        errors["attachments"] = f"Must be {MOST_FILES} or fewer in length."
    errors |= _embed_errors(embeds)
    errors |= _component_errors(components, bool(flags & COMPONENTS_V2), names)
    return errors


def _embed_errors(embeds: list[Json]) -> Errors:
    errors: Errors = {}
    if len(embeds) > MOST_EMBEDS:
        errors["embeds"] = f"Must be {MOST_EMBEDS} or fewer in length."
    n_all = 0
    for number, embed in enumerate(embeds):
        fields = embed.get("fields") or []
        texts = {
            "title": (embed.get("title") or "", 256),
            "description": (embed.get("description") or "", 4096),
            "footer.text": ((embed.get("footer") or {}).get("text") or "", 2048),
            "author.name": ((embed.get("author") or {}).get("name") or "", 256),
            **{f"fields.{n}.name": (each.get("name") or "", 256) for n, each in enumerate(fields)},
            **{f"fields.{n}.value": (each.get("value") or "", 1024) for n, each in enumerate(fields)},
        }
        n_all += sum(len(text) for text, _ in texts.values())
        for where, (text, most) in texts.items():
            if len(text) > most:
                errors[f"embeds.{number}.{where}"] = f"Must be {most} or fewer in length."
        if len(fields) > 25:
            errors[f"embeds.{number}.fields"] = "Must be 25 or fewer in length."
    if n_all > MOST_EMBED_TEXT:
        errors["embeds"] = f"Embed size exceeds maximum size of {MOST_EMBED_TEXT}"
    return errors


def _component_errors(components: list[Json], is_v2: bool, names: Collection[str]) -> Errors:
    errors: Errors = {}
    tops = (*_IN_CONTAINER, CONTAINER) if is_v2 else (ROW,)
    if not is_v2 and len(components) > MOST_ROWS:
        errors["components"] = f"Must be {MOST_ROWS} or fewer in length."
    for number, component in enumerate(components):
        if component.get("type") not in tops:
            errors[f"components.{number}.type"] = f'Value of field "type" must be one of {tops}.'
    if errors:
        return errors
    everything = list(walk(components))
    errors |= _size_errors(everything) | _twice(everything, "custom_id") | _twice(everything, "id")
    for path, component in everything:
        for where, what in _CHECKS.get(component["type"], _nothing)(component).items():
            errors[f"{path}.{where}" if where else path] = what
        for where, item in media(component):
            if what := _media_error(str(item.get("url") or ""), names, is_file=component["type"] == FILE):
                errors[f"{path}.{where}.url"] = what
    return errors


def _size_errors(everything: list[tuple[str, Json]]) -> Errors:
    if len(everything) > MOST_COMPONENTS:
        return {"components": f"Must have {MOST_COMPONENTS} or fewer components, nested ones counted."}
    if sum(len(each.get("content") or "") for _, each in everything if each["type"] == TEXT) > MOST_TEXT:
        return {"components": f"The total text of the components must be {MOST_TEXT} or fewer in length."}
    return {}


def _twice(everything: list[tuple[str, Json]], name: str) -> Errors:
    seen, errors = set(), {}
    for path, component in everything:
        value = component.get(name)
        if not value:
            continue
        if value in seen:
            errors[f"{path}.{name}"] = f"Component {name} cannot be duplicated"
        seen.add(value)
    return errors


def _media_error(url: str, names: Collection[str], *, is_file: bool) -> str:
    scheme, _, rest = url.partition("://")
    if scheme == "attachment":
        return "" if rest in names else f"The attachment {rest!r} does not exist."
    if is_file or scheme not in ("http", "https"):
        return "Not a well formed URL."
    return "" if len(url) <= 2048 else "Must be 2048 or fewer in length."


def _nothing(_component: Json) -> Errors:
    return {}


def _length(component: Json, name: str, least: int, most: int) -> Errors:
    n = len(component.get(name) or "")
    return {} if least <= n <= most else {name: f"Must be between {least} and {most} in length."}


def _row(row: Json) -> Errors:
    kinds = [each.get("type") for each in row.get("components") or []]
    if not kinds:
        return {"components": "This field is required"}
    if all(each == BUTTON for each in kinds):
        return {} if len(kinds) <= MOST_BUTTONS else {"components": f"Must be {MOST_BUTTONS} or fewer in length."}
    if len(kinds) == 1 and kinds[0] in (*SELECTS, INPUT):
        return {}
    return {"components": "A row holds up to 5 buttons or one select."}


def _button(button: Json) -> Errors:
    style = button.get("style")
    errors = {} if (button.get("label") or button.get("emoji")) else {"label": "A label or an emoji is required."}
    if style not in range(1, 7):
        return errors | {"style": "Value must be one of 1 to 6."}
    if style == 5:
        if not button.get("url") or button.get("custom_id"):
            errors["url"] = "A link button has a url and no custom_id."
        errors |= _length(button, "url", 1, 512)
    elif style != 6:
        errors |= _length(button, "custom_id", 1, 100)
        if button.get("url"):
            errors["url"] = "A button with a custom_id has no url."
    return errors | _length(button, "label", 0, 80)


def _select(select: Json) -> Errors:
    errors = _length(select, "custom_id", 1, 100) | _length(select, "placeholder", 0, 150)
    least, most = (select.get(name, 1) for name in ("min_values", "max_values"))
    if not (0 <= least <= most <= 25):
        errors["max_values"] = "0 ≤ min_values ≤ max_values ≤ 25."
    if select["type"] != SELECT:
        return errors
    options = select.get("options") or []
    if not 1 <= len(options) <= 25:
        errors["options"] = "Must be between 1 and 25 in length."
    elif most > len(options):
        errors["max_values"] = "Must not be more than there are options."
    if len({each.get("value") for each in options}) < len(options):
        errors["options"] = "The specified option value is already used"
    if sum(bool(each.get("default")) for each in options) > most:
        errors["options"] = "More defaults than max_values."
    for number, option in enumerate(options):
        found = (
            _length(option, "label", 1, 100) | _length(option, "value", 1, 100) | _length(option, "description", 0, 100)
        )
        errors |= {f"options.{number}.{where}": what for where, what in found.items()}
    return errors


def _section(section: Json) -> Errors:
    errors: Errors = {}
    kinds = [each.get("type") for each in section.get("components") or []]
    if not 1 <= len(kinds) <= 3 or set(kinds) != {TEXT}:
        errors["components"] = "A section has 1 to 3 text displays."
    if (section.get("accessory") or {}).get("type") not in (BUTTON, THUMBNAIL):
        errors["accessory"] = "A section has a button or a thumbnail beside it."
    return errors


def _gallery(gallery: Json) -> Errors:
    items = gallery.get("items") or []
    errors = {} if 1 <= len(items) <= 10 else {"items": "Must be between 1 and 10 in length."}
    for number, item in enumerate(items):
        errors |= {f"items.{number}.{where}": what for where, what in _described(item).items()}
    return errors


def _described(item: Json) -> Errors:
    if "description" not in item or item["description"] is None:
        return {}
    return _length(item, "description", 1, 1024)


def _container(container: Json) -> Errors:
    children = container.get("components") or []
    errors = {} if children else {"components": "This field is required"}
    for number, child in enumerate(children):
        if child.get("type") not in _IN_CONTAINER:
            errors[f"components.{number}.type"] = f'Value of field "type" must be one of {_IN_CONTAINER}.'
    colour = container.get("accent_color")
    if colour is not None and not 0 <= colour <= 0xFFFFFF:
        errors["accent_color"] = "Must be between 0 and 16777215."
    return errors


def _separator(separator: Json) -> Errors:
    return {} if separator.get("spacing", 1) in (1, 2) else {"spacing": "Value must be one of {1, 2}."}


def _text(text: Json) -> Errors:
    return _length(text, "content", 1, MOST_TEXT)


_CHECKS: dict[int, Any] = {
    ROW: _row,
    BUTTON: _button,
    **dict.fromkeys(SELECTS, _select),
    SECTION: _section,
    TEXT: _text,
    THUMBNAIL: _described,
    GALLERY: _gallery,
    SEPARATOR: _separator,
    CONTAINER: _container,
}


def modal_errors(modal: Json) -> Errors:
    """What is wrong with the data of a callback of type 9."""
    errors = _length(modal, "custom_id", 1, 100) | _length(modal, "title", 1, 45)
    components = modal.get("components") or []
    if not 1 <= len(components) <= 5:
        errors["components"] = "Must be between 1 and 5 in length."
    for number, component in enumerate(components):
        if component.get("type") not in (ROW, TEXT, LABEL):
            errors[f"components.{number}.type"] = 'Value of field "type" must be one of (1, 10, 18).'
    everything = list(walk(components))
    for path, component in everything:
        if component.get("type") in FIELDS:
            errors |= {f"{path}.{where}": what for where, what in _field(component).items()}
        elif component.get("type") == LABEL:
            found = _length(component, "label", 1, 45) | _length(component, "description", 0, 100)
            errors |= {f"{path}.{where}": what for where, what in found.items()}
        elif component.get("type") == ROW and len(component.get("components") or []) != 1:
            errors[f"{path}.components"] = "A row of a modal holds one text input."
    return {f"data.{where}": what for where, what in (errors | _twice(everything, "custom_id")).items()}


def _field(each: Json) -> Errors:
    errors = _length(each, "custom_id", 1, 100)
    if each["type"] != INPUT:
        return errors
    errors |= _length(each, "placeholder", 0, 100) | _length(each, "label", 0, 45)
    if each.get("style") not in (1, 2):
        errors["style"] = "Value must be one of {1, 2}."
    least, most = each.get("min_length") or 0, each.get("max_length") or 4000
    if not 0 <= least <= most <= 4000 or most < 1:
        errors["max_length"] = "0 ≤ min_length ≤ max_length ≤ 4000."
    if each.get("value") and not least <= len(each["value"]) <= most:
        errors["value"] = f"Must be between {least} and {most} in length."
    return errors
