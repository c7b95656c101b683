"""All that went over the fake Discord's wires, judged by the specs; each shape of it once in a process's life."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from tests.fakes.discord_calls import Call
from tests.fakes.discord_gateway import HEARTBEAT, IDENTIFY, RESUME
from tests.fakes.discord_spec import DiscordSpec
from tests.fakes.discord_world import Json

_HEARD = {HEARTBEAT: "heartbeat", IDENTIFY: "identify", RESUME: "resume"}
_TOLD = {"HELLO": "hello", "READY": "ready", "GUILD_CREATE": "guildCreate"}
_verdicts: dict[Any, list[str]] = {}  # the spec never changes, and a judgement of 36 commands takes a second


@cache
def spec() -> DiscordSpec:
    """Read once: it is 1.4 MB."""
    return DiscordSpec()


def problems(calls: Iterable[Call], told: Iterable[tuple[str, Json]], heard: Iterable[tuple[int, Json]]) -> list[str]:
    """What does not agree with the specs, each once."""
    found = [*_of_calls(calls), *_of_events(told)]
    for op, payload in heard:
        if op in _HEARD:
            found += [f"heard {_HEARD[op]}: {each}" for each in _gateway(_HEARD[op], payload)]
    return list(dict.fromkeys(found))


def _judged(key: Any, judge: Callable[[], list[str]]) -> list[str]:
    if key not in _verdicts:
        _verdicts[key] = judge()
    return _verdicts[key]


def _gateway(kind: str, payload: Json) -> list[str]:
    return _judged((kind, spec().shape(payload)), lambda: spec().check_gateway(kind, payload))


def _of_calls(calls: Iterable[Call]) -> Iterator[str]:
    for call in calls:
        if call.status is None and call.body is None:
            continue  # never read
        what = f"{call.method} {spec().template(call.method, call.path) or call.path}"
        yield from (f"{what}: asked {each}" for each in _asked(what, call))
        if call.status is not None and call.status < 500:
            yield from (f"{what}: answered {call.status} {each}" for each in _answered(what, call, call.status))


def _asked(what: str, call: Call) -> list[str]:
    return _judged(
        (what, call.content_type, tuple(sorted(call.query)), spec().shape(call.body), _ids(call.body), call.files),
        lambda: spec().check_request(
            call.method,
            call.path,
            content_type=call.content_type,
            body=call.body,
            query=call.query,
            files=call.files,
        ),
    )


def _answered(what: str, call: Call, status: int) -> list[str]:
    """But for the places of a refusal: the spec wants numbers as codes there, Discord says "BASE_TYPE_REQUIRED"."""
    answer = call.response
    if status == 400:
        answer = {key: value for key, value in answer.items() if key != "errors"}
    return _judged(
        (what, status, spec().shape(answer)), lambda: spec().check_response(call.method, call.path, status, answer)
    )


def _ids(body: Any) -> tuple[str, ...]:
    """Of the attachments, which must agree with the files."""
    inner = (body.get("data") or body) if isinstance(body, dict) else {}
    listed = inner.get("attachments") if isinstance(inner, dict) else None
    return tuple(sorted(str(each.get("id")) for each in listed or [] if len(str(each.get("id"))) < 3))


def _of_events(told: Iterable[tuple[str, Json]]) -> Iterator[str]:
    for event, payload in told:
        for kind, part in _known(event, payload):
            yield from (f"told {event} as {kind}: {each}" for each in _gateway(kind, part))


def _known(event: str, payload: Json) -> Iterator[tuple[str, Json]]:
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
