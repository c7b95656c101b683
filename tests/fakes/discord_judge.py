"""All that went over the fake Discord's wires, judged by the specs; each shape of it once."""

from collections.abc import Iterable, Iterator
from functools import cache
from typing import Any

from tests.fakes.discord_calls import Call
from tests.fakes.discord_gateway import HEARTBEAT, IDENTIFY, RESUME
from tests.fakes.discord_spec import DiscordSpec, shape
from tests.fakes.discord_world import Json

_HEARD = {HEARTBEAT: "heartbeat", IDENTIFY: "identify", RESUME: "resume"}
_TOLD = {"HELLO": "hello", "READY": "ready", "GUILD_CREATE": "guildCreate"}


@cache
def spec() -> DiscordSpec:
    """Read once: it is 1.4 MB."""
    return DiscordSpec()


def problems(calls: Iterable[Call], told: Iterable[tuple[str, Json]], heard: Iterable[tuple[int, Json]]) -> list[str]:
    """What does not agree with the specs, each once."""
    found = [*_of_calls(calls), *_of_events(told)]
    seen: set[Any] = set()
    for op, payload in heard:
        kind = _HEARD.get(op)
        if kind and _is_new(seen, (kind, shape(payload))):
            found += [f"heard {kind}: {each}" for each in spec().check_gateway(kind, payload)]
    return list(dict.fromkeys(found))


def _of_calls(calls: Iterable[Call]) -> Iterator[str]:
    seen: set[Any] = set()
    for call in calls:
        template = spec().template(call.method, call.path)
        what = f"{call.method} {template or call.path}"
        if call.status is None and call.body is None:
            continue  # never read
        asked = (what, call.content_type, tuple(sorted(call.query)), shape(call.body), call.files)
        if _is_new(seen, asked):
            for problem in spec().check_request(
                call.method,
                call.path,
                content_type=call.content_type,
                body=call.body,
                query=call.query,
                files=call.files,
            ):
                yield f"{what}: asked {problem}"
        if call.status is None or call.status >= 500:
            continue
        answered = _without_places(call.response) if call.status == 400 else call.response
        if _is_new(seen, (what, call.status, shape(answered))):
            for problem in spec().check_response(call.method, call.path, call.status, answered):
                yield f"{what}: answered {call.status} {problem}"


def _without_places(refusal: Json) -> Json:
    """The spec wants numbers as the codes of single fields; Discord sends words ("BASE_TYPE_REQUIRED")."""
    return {key: value for key, value in refusal.items() if key != "errors"}


def _of_events(told: Iterable[tuple[str, Json]]) -> Iterator[str]:
    seen: set[Any] = set()
    for event, payload in told:
        for kind, part in _judged(event, payload):
            if _is_new(seen, (kind, shape(part))):
                yield from (f"told {event} as {kind}: {each}" for each in spec().check_gateway(kind, part))


def _judged(event: str, payload: Json) -> Iterator[tuple[str, Json]]:
    """The parts of it that there is a schema for."""
    if event in _TOLD:
        yield _TOLD[event], payload
    if event != "INTERACTION_CREATE":
        return
    told = payload["data"]
    if payload["type"] == 2 and told["type"] == 1:
        yield "slash", payload
    elif payload["type"] == 3 and told["component_type"] == 2:
        yield "button", payload
    elif "message" in payload:
        yield "message", payload["message"]
    for message in told.get("resolved", {}).get("messages", {}).values():
        yield "message", message


def _is_new(seen: set[Any], key: Any) -> bool:
    if key in seen:
        return False
    seen.add(key)
    return True
