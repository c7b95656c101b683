"""What can be seen of the fake Discord of a campaign, and what went over its wires."""

from tests.campaigns import sight
from tests.fakes.discord_calls import Call
from tests.fakes.discord_houses import ids_of
from tests.fakes.discord_interactions import TOKEN_S, Interaction
from tests.fakes.discord_judge import problems
from tests.fakes.discord_server import FakeDiscord
from tests.fakes.discord_world import Json, Message


class DiscordSight(sight.Sight[Message, Call]):
    """Watches a fake Discord."""

    def __init__(self, server: FakeDiscord, seed: str) -> None:
        super().__init__(seed)
        self.server = server
        self._refused_nonces: set[str] = set()
        self._refused_people: set[str] = set()
        self._events: list[tuple[str, Json]] = []
        server.keeps_files = False
        server.after_a_change = self.changed

    # What is seen

    def ids_of(self, message: Message) -> list[str]:
        """Of all its buttons."""
        return ids_of(message)

    def is_away(self, message: Message) -> bool:
        """Its channel is gone."""
        return message.channel.is_gone

    def kind(self, message: Message) -> str:
        """Also "thinking"."""
        return "thinking" if message.is_loading else super().kind(message)

    def files_in(self, message: Message) -> tuple[str, ...]:
        """Those that are attached."""
        return tuple(file.digest for file in message.attachments)

    def where(self, message: Message) -> str:
        """Its channel, and whether one person alone sees it."""
        channel = message.channel
        alone = ", ephemeral" if message.is_ephemeral else ""
        return f"message {message.id} in {channel.kind} {channel.name or channel.id}{alone}"

    def was_refused(self, request: str, reply_to: str) -> bool:
        """Whether a message with its nonce was refused, or the asker's direct messages cannot be opened."""
        nonces = {f"{request}r", f"{request}a"}
        return bool(nonces & self._refused_nonces) or user_of(reply_to) in self._refused_people

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
            f"{self.where(each)} is thinking for ever"
            for each in self.server.messages.values()
            if each.is_loading and not each.deleted and not each.channel.is_gone and _can_be_edited(each)
        ]
        for request in self._ends:
            found += [f"{request} whispers: {self.where(each)}" for each in self.visible(request) if each.is_ephemeral]
        return found

    # Calls

    def drain(self, *, all_of_them: bool = False) -> None:
        """Count the calls that are over, and keep some of them, and of the events the first."""
        server, side = self.server, self.server.gateway_side
        server.calls = self.count(server.calls, server.now(), all_of_them=all_of_them)
        self._events += side.told[: max(0, sight.SAMPLE - len(self._events))]
        side.told.clear()

    def note_refusal(self, call: Call) -> None:
        """By the message's nonce, or whose direct messages were to be opened."""
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
