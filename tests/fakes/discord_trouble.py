"""Which call to the fake Discord meets which fault, and what is refused for good."""

from tests.fakes.discord_calls import Call
from tests.fakes.discord_faults import FOR_GOOD, Fault, Planned
from tests.fakes.discord_people import People
from tests.fakes.discord_refusals import Why

_BROKEN = (500, 502, 503, 504)


class Trouble:
    """What was planned, and what the weather brings."""

    def __init__(self, people: People) -> None:
        self.planned: list[Planned] = []
        self.refused: list[str] = []  # calls that were refused for good
        self._people = people
        self._tokens: dict[str, Why] = {}
        self._nonces: dict[str, Why] = {}

    def plan(self, call: Call) -> Planned | None:
        """What happens to this call."""
        for plan in self.planned:
            if plan.matches(call.method, call.path):
                plan.n -= 1
                return plan
        weather = self._people.weather
        fault = weather.of_a_call(call.path)
        if fault is None:
            return None
        return Planned(method="", path="", fault=fault, status=weather.luck.choice(_BROKEN))

    def refusal(self, call: Call, plan: Planned | None) -> Why | None:
        """Why it is refused for good, now or since long."""
        if plan and plan.fault in FOR_GOOD:
            return self._refuse(call, plan.fault)
        parts = call.path.split("/")
        nonce = call.body.get("nonce") if isinstance(call.body, dict) else None
        return self._tokens.get(parts[3] if len(parts) > 3 else "") or self._nonces.get(str(nonce))

    def _refuse(self, call: Call, fault: Fault) -> Why:
        """What it was about is refused from now on: a token, a message that somebody deleted, a post with its nonce."""
        self.refused.append(f"{call.method} {call.path}")
        parts = call.path.strip("/").split("/")
        is_gone = fault is Fault.GONE
        if parts[0] in ("webhooks", "interactions"):
            why = Why.UNKNOWN_WEBHOOK if is_gone else Why.MISSING_ACCESS
            why = Why.UNKNOWN_INTERACTION if parts[0] == "interactions" else why
            self._tokens[parts[2]] = why
            if parts[2] in self._people.interactions:
                self._people.interactions[parts[2]].was_refused = True
            return why
        if len(parts) > 3 and (message := self._people.messages.get(int(parts[3]))):
            message.deleted = True
            self._people.touch()
            return Why.UNKNOWN_MESSAGE
        why = Why.UNKNOWN_CHANNEL if is_gone else Why.MISSING_ACCESS
        if call.method == "POST" and isinstance(call.body, dict) and "nonce" in call.body:
            self._nonces[str(call.body["nonce"])] = why
        return why
