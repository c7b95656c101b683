"""What can be seen of the fake Discord of a campaign, and what went over its wires.

Keeps of the calls and events a sample for the judge, and of messages what they are now: all would be gigabytes.
"""

import random
from collections import defaultdict

from tests.campaigns.stages import Seen, Tallies
from tests.fakes.discord_calls import Call
from tests.fakes.discord_houses import ids_of
from tests.fakes.discord_interactions import TOKEN_S, Interaction
from tests.fakes.discord_judge import problems
from tests.fakes.discord_server import FakeDiscord
from tests.fakes.discord_world import Json, Message

_SAMPLE = 3_000  # calls, and as many events, that are judged
_LATER = 0.05  # of the calls after those, how many take the place of one
_NEVER_ANSWERED_S = 30.0


class Sight:
    """Watches a fake Discord."""

    def __init__(self, server: FakeDiscord, seed: str) -> None:
        self.server = server
        self.tallies = Tallies()
        self._choice = random.Random(f"{seed} sample")
        self._ends: defaultdict[str, dict[int, Message]] = defaultdict(dict)
        self._told_of: set[str] = set()
        self._refused_nonces: set[str] = set()
        self._refused_people: set[str] = set()
        self._calls: list[Call] = []
        self._events: list[tuple[str, Json]] = []
        server.keeps_files = False
        server.after_a_change = self._changed

    # What is seen

    def _changed(self, message: Message) -> None:
        del message.history[:-1]
        for each in ids_of(message):
            verb, _, request = each.partition(":")
            if verb == "delete":
                self._ends[request][message.id] = message
            if verb in ("delete", "cancel"):
                self._told_of.add(request)

    def _visible(self, request: str) -> list[Message]:
        ends = self._ends.get(request, {}).values()
        return [each for each in ends if not each.deleted and not each.channel.is_gone and shows_an_end(each)]

    def ends_of(self, request: str) -> list[Seen]:
        """Where its end can be seen."""
        return [
            Seen(where=_where(each), files=tuple(file.digest for file in each.attachments))
            for each in self._visible(request)
        ]

    def was_shown(self, request: str) -> bool:
        """Whether its end was seen in a channel that is gone by now."""
        return any(each.channel.is_gone for each in self._ends.get(request, {}).values())

    def was_refused(self, request: str, reply_to: str) -> bool:
        """Whether a message with its nonce was refused, or the asker's direct messages cannot be opened."""
        nonces = {f"{request}r", f"{request}a"}
        return bool(nonces & self._refused_nonces) or user_of(reply_to) in self._refused_people

    def told_of(self) -> frozenset[str]:
        """Every request that anybody was told of."""
        return frozenset(self._told_of)

    @property
    def offences(self) -> list[str]:
        """Calls to a route that had been told to be quiet."""
        return self.server.offences

    def problems(self) -> list[str]:
        """What in the sample does not agree with Discord's own description."""
        self.drain(all_of_them=True)
        return problems(self._calls, self._events, self.server.gateway_side.heard)

    def wrongs(self) -> list[str]:
        """Answers that are "thinking" though their token lives, ends that one person alone can see."""
        found = [
            f"{_where(each)} is thinking for ever"
            for each in self.server.messages.values()
            if each.is_loading and not each.deleted and not each.channel.is_gone and _can_be_edited(each)
        ]
        for request in self._ends:
            found += [f"{request} whispers: {_where(each)}" for each in self._visible(request) if each.is_ephemeral]
        return found

    # Calls

    def drain(self, *, all_of_them: bool = False) -> None:
        """Count the calls that are over, and keep some of them."""
        server, side, luck = self.server, self.server.gateway_side, self._choice
        oldest = server.now() - _NEVER_ANSWERED_S
        over: list[Call] = []
        left: list[Call] = []
        for call in server.calls:
            (over if all_of_them or call.status is not None or call.at_s < oldest else left).append(call)
        server.calls = left
        for call in over:
            self.tallies.n_calls += 1
            if call.fault:
                self.tallies.faults[call.fault] += 1
            if call.status in (400, 403, 404):
                self._note_refusal(call)
            if len(self._calls) < _SAMPLE:
                self._calls.append(call)
            elif luck.random() < _LATER:
                self._calls[luck.randrange(_SAMPLE)] = call
        room = _SAMPLE - len(self._events)
        self._events += side.told[: max(0, room)]
        side.told.clear()

    def _note_refusal(self, call: Call) -> None:
        body = call.body if isinstance(call.body, dict) else {}
        if "nonce" in body:
            self._refused_nonces.add(str(body["nonce"]))
        if call.path == "/users/@me/channels":
            self._refused_people.add(str(body.get("recipient_id")))


def user_of(reply_to: str) -> str:
    """As the adapter writes it."""
    return reply_to.split(";")[3]


def _can_be_edited(message: Message) -> bool:
    """By its token; after that Discord itself says that there was no answer."""
    asked: Interaction | None = message.interaction
    return asked is not None and asked.age_s < TOKEN_S and not asked.was_refused


def shows_an_end(message: Message) -> bool:
    """What is over can be deleted by a button."""
    return any(each.startswith("delete:") for each in ids_of(message))


def _where(message: Message) -> str:
    channel = message.channel
    alone = ", ephemeral" if message.is_ephemeral else ""
    return f"message {message.id} in {channel.kind} {channel.name or channel.id}{alone}"
