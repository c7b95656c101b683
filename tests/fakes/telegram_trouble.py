"""Which call to the fake Bot API meets which fault, and what is refused for good."""

from tests.fakes.telegram_calls import Call
from tests.fakes.telegram_faults import FOR_GOOD, Fault, Planned
from tests.fakes.telegram_people import People
from tests.fakes.telegram_refusals import Refusal, Why

_BROKEN = (500, 502, 503, 504)


class Trouble:
    """What was planned, and what the weather brings."""

    def __init__(self, people: People) -> None:
        self.planned: list[Planned] = []
        self.refused: list[str] = []  # calls that were refused for good
        self._people = people
        self._never: dict[str, Why] = {}

    def plan(self, call: Call) -> Planned | None:
        """What happens to this call, before it is read: `chat_id` of a plan is looked at in `plan_of_chat`."""
        for plan in self.planned:
            if plan.chat_id is None and plan.matches(call.method, None):
                return _taken(plan)
        weather = self._people.weather
        fault = weather.of_a_call(call.method)
        if fault is None:
            return None
        return Planned(method="", fault=fault, status=weather.luck.choice(_BROKEN))

    def plan_of_chat(self, call: Call) -> Planned | None:
        """What was planned for the chat that it names."""
        for plan in self.planned:
            if plan.chat_id is not None and plan.matches(call.method, call.chat_id):
                return _taken(plan)
        return None

    def check(self, call: Call, plan: Planned | None) -> None:
        """Raises: Refusal for what is refused for good, now or since long."""
        about = _about(call)
        if plan and plan.fault in FOR_GOOD:
            self.refused.append(f"{call.method} {about}")
            why = self._refuse(call, plan.fault)
            if about:
                self._never[about] = why
            raise Refusal(why)
        if about in self._never:
            raise Refusal(self._never[about])

    def _refuse(self, call: Call, fault: Fault) -> Why:
        """What it was about is refused from now on: a deleted message, a query, whatever answers one message."""
        people, queries = self._people, self._people.queries
        if call.method.startswith("answer"):
            press = queries.presses.get(call.text("callback_query_id"))
            if press:
                press.was_refused = True
            return Why.QUERY
        chat = people.chats.get(call.chat_id or 0)
        message = chat.messages.get(call.integer("message_id")) if chat else None
        if fault is Fault.REFUSED:
            if message:
                message.was_refused = True
            return Why.BLOCKED
        if message:
            message.delete()
            return Why.NOT_TO_DELETE if call.method == "deleteMessage" else Why.NOT_TO_EDIT
        return Why.NO_CHAT


def _taken(plan: Planned) -> Planned:
    plan.n -= 1
    return plan


def _about(call: Call) -> str:
    """The same for calls that are refused together, "" where each stands alone."""
    if call.method.startswith("answer"):
        return call.text("callback_query_id") or call.text("inline_query_id")
    if call.method.startswith(("edit", "delete")):
        return call.text("inline_message_id") or f"{call.text('chat_id')} {call.text('message_id')}"
    replied = call.json("reply_parameters") if call.method.startswith("send") else None
    return f"{call.text('chat_id')} answer to {replied.get('message_id')}" if replied else ""
