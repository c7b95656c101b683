"""All that went over the fake Bot API's wires, judged by the spec; each shape of it once in a process's life."""

from collections.abc import Callable, Iterable, Iterator
from functools import cache
from typing import Any

from tests.fakes.telegram_calls import Call
from tests.fakes.telegram_spec import TelegramSpec
from tests.fakes.telegram_updates import Update

_verdicts: dict[Any, list[str]] = {}  # the spec never changes


@cache
def spec() -> TelegramSpec:
    """Read once: it is 0.9 MB."""
    return TelegramSpec()


def problems(calls: Iterable[Call], updates: Iterable[Update]) -> list[str]:
    """What does not agree with the spec, each once."""
    found = [*_of_calls(calls), *_of_updates(updates)]
    return list(dict.fromkeys(found))


def _judged(key: Any, judge: Callable[[], list[str]]) -> list[str]:
    if key not in _verdicts:
        _verdicts[key] = judge()
    return _verdicts[key]


def _of_calls(calls: Iterable[Call]) -> Iterator[str]:
    for call in calls:
        if not call.is_read:
            continue
        yield from (f"{call.method}: asked {each}" for each in _asked(call))
        if isinstance(call.response, dict):
            yield from (f"{call.method}: answered {call.status} {each}" for each in _answered(call, call.response))


def _asked(call: Call) -> list[str]:
    if not spec().name(call.method):
        return spec().check_request(call.method, call.form)
    shape = spec().shape(spec().decode(call.method, call.form))
    named = tuple(each in call.form.get("media", "") for each in call.files)
    return _judged(
        ("asked", call.method, shape, tuple(each for each in call.files if not each.startswith("attached")), named),
        lambda: spec().check_request(call.method, call.form, call.files),
    )


def _answered(call: Call, answer: dict[str, Any]) -> list[str]:
    if answer["ok"]:
        result = answer["result"]
        key = ("answered", call.method, spec().shape(result))
        return _judged(key, lambda: spec().check_result(call.method, result))
    found = [] if isinstance(answer.get("description"), str) else ["no description"]
    if answer.get("error_code") != call.status:
        found.append(f"error_code {answer.get('error_code')}")
    # Telegram's `retry_after` is whole; a campaign whose clock runs faster has parts of seconds.
    parameters = {name: int(each) for name, each in answer.get("parameters", {}).items()}
    return found + spec().check_type("ResponseParameters", parameters)


def _of_updates(updates: Iterable[Update]) -> Iterator[str]:
    for update in updates:
        key = ("told", spec().shape(update.json))
        found = _judged(key, lambda update=update: spec().check_type("Update", update.json))  # type: ignore[misc]
        yield from (f"told {update.kind}: {each}" for each in found)
