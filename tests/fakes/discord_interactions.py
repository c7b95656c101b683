"""An interaction of the fake Discord: what somebody did, and what the bot made of it."""

from dataclasses import dataclass, field
from typing import Any

from tests.fakes.discord_wire import user_json
from tests.fakes.discord_world import Channel, Json, Message, User, World

ACK_S = 3.0  # docs: the initial response
TOKEN_S = 15 * 60.0  # docs: how long a token is good
COMMAND, COMPONENT, AUTOCOMPLETE, MODAL = 2, 3, 4, 5  # types of interactions
REPLY, DEFER, DEFER_UPDATE, UPDATE, CHOICES, FORM = 4, 5, 6, 7, 8, 9  # types of callbacks
MOST_FOLLOWUPS_OF_USER_APPS = 5


@dataclass(kw_only=True, eq=False)
class Interaction:
    """What somebody did. `install`: guild or user, through which installation the bot hears of it.

    `response` is the body of the callback (with its `data`), `message` the one that `@original` names: the bot's
    answer, or for buttons that update the message they are on, that one. `origin`: the message of a component.
    """

    id: int
    token: str
    type: int
    user: User
    channel: Channel
    install: str
    data: Json
    world: World = field(repr=False)
    payload: Json = field(default_factory=dict, repr=False)
    origin: Message | None = field(default=None, repr=False)
    trigger: "Interaction | None" = field(default=None, repr=False)  # what opened the modal
    dispatched_at: float = 0.0
    acked_at: float | None = None
    response_type: int | None = None
    response: Json | None = None
    message: Message | None = None
    followups: list[Message] = field(default_factory=list)
    n_dispatched: int = 0  # to how many live connections
    was_refused: bool = False  # the weather refused it for good

    @property
    def age_s(self) -> float:
        """Since it was dispatched."""
        return self.world.now() - self.dispatched_at

    @property
    def acked_after_s(self) -> float | None:
        """From the dispatch to the callback; None: not yet."""
        return None if self.acked_at is None else self.acked_at - self.dispatched_at

    @property
    def ephemeral(self) -> bool:
        """Only the user sees the answer."""
        return bool(self.message and self.message.is_ephemeral)

    @property
    def modal(self) -> Json | None:
        """The form that was opened."""
        return self.response["data"] if self.response and self.response_type == FORM else None

    @property
    def choices(self) -> list[Json]:
        """What was proposed while typing."""
        return self.response["data"]["choices"] or [] if self.response and self.response_type == CHOICES else []

    @property
    def is_for_user_alone(self) -> bool:
        """The app is installed for the user and not in this server."""
        return self.install == "user"

    async def acked(self, timeout_s: float = 3.0) -> "Interaction":
        """Wait for the callback. Raises: TimeoutError."""
        await self.world.until(lambda: self.acked_at is not None, timeout_s, lambda: f"no answer to {self.data}")
        return self

    async def answered(self, timeout_s: float = 5.0) -> Message:
        """Wait for a message that is no longer loading. Raises: TimeoutError."""
        await self.world.until(
            lambda: self.message is not None and not self.message.is_loading,
            timeout_s,
            lambda: f"no answer to {self.data}, but {self.message!r}",
        )
        assert self.message
        return self.message

    @property
    def installer(self) -> User:
        """Whose installation it is: who presses a button of another's message uses the other's."""
        return self.trigger.installer if self.trigger else self.user

    def owners(self) -> dict[str, str]:
        """`authorizing_integration_owners`."""
        of_user = {"1": str(self.installer.id)}
        of_guild = {"0": str(self.channel.guild.id) if self.channel.guild else "0"}
        return {"user": of_user, "guild": of_guild, "both": of_guild | of_user}[self.install]

    def metadata(self) -> Json:
        """As messages that come of it name it."""
        told: dict[str, Any] = {
            "id": str(self.id),
            "type": self.type,
            "user": user_json(self.user),
            "authorizing_integration_owners": self.owners(),
        }
        if self.type == COMPONENT and self.origin:
            told["interacted_message_id"] = str(self.origin.id)
        if self.type == MODAL and self.trigger:
            told["triggering_interaction_metadata"] = self.trigger.metadata()
        if "target_id" in self.data:
            told["target_message_id"] = self.data["target_id"]
        return told
