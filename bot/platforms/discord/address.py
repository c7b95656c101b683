"""Where a message is, or is to be, on Discord: a string for the database and back. Pure.

`chat/message` is a message's name (`remote_id`); the rest of what delivering needs stands in the `reply_to`.
"""

from dataclasses import dataclass

EPOCH_MS = 1_420_070_400_000  # of Discord's ids: the first second of 2015
TOKEN_S = 15 * 60.0  # Discord's own limit
_MARGIN_S = 60.0  # an upload may take as long
FIRST_REPLY_S = 3.0
_VERSION = "1"
_FLAGS = (("m", "is_member"), ("o", "is_own"), ("p", "is_private"), ("s", "is_shared"))


def made_at_s(snowflake: int) -> float:
    """When something with this id was made, in Unix seconds."""
    return ((snowflake >> 22) + EPOCH_MS) / 1_000


def snowflake_at(unix_s: float) -> int:
    """The lowest id of that moment."""
    return max(0, round(unix_s * 1_000) - EPOCH_MS) << 22


def account(user: int) -> str:
    """What a person of Discord is called behind the platforms."""
    return f"discord:{user}"


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """`most_bytes` of files are taken here. `is_member`: the bot itself may post and edit in this channel.

    `is_own`: the first reply to this interaction is the request's message. `is_private`: its pictures go to the asker's
    direct messages. `is_shared`: others are in this place too. `language`: the asker's, "" for English.
    """

    place: str
    channel: int
    user: int
    interaction: int
    token: str
    most_bytes: int
    is_member: bool = False
    is_own: bool = False
    is_private: bool = False
    is_shared: bool = False
    language: str = ""

    @property
    def account(self) -> str:
        """Who asked."""
        return account(self.user)

    def written(self) -> str:
        """For the database."""
        flags = "".join(letter for letter, name in _FLAGS if getattr(self, name))
        flags += f"/{self.language}" if self.language else ""
        numbers = f"{self.channel};{self.user};{self.interaction};{self.most_bytes}"
        return f"{_VERSION};{self.place};{numbers};{flags};{self.token}"

    def has_token(self, now_s: float) -> bool:
        """Whether the interaction's token will live long enough for one more call."""
        return bool(self.token) and now_s < made_at_s(self.interaction) + TOKEN_S - _MARGIN_S


def read(reply_to: str) -> Where:
    """What `written` wrote. Raises: ValueError for anything else."""
    version, place, channel, user, interaction, most_bytes, flags, token = reply_to.split(";", 7)
    if version != _VERSION:
        raise ValueError(f"an address of version {version}")
    flags, _, language = flags.partition("/")
    return Where(
        place=place,
        channel=int(channel),
        user=int(user),
        interaction=int(interaction),
        most_bytes=int(most_bytes),
        token=token,
        language=language,
        **{name: letter in flags for letter, name in _FLAGS},
    )


@dataclass(frozen=True, slots=True)
class MessageName:
    """A message's channel and id."""

    channel: int
    message: int

    def __str__(self) -> str:
        return f"{self.channel}/{self.message}"


def message_name(remote_id: str) -> MessageName:
    """The name of a message as it was returned to the outbox."""
    channel, _, message = remote_id.partition("/")
    return MessageName(int(channel), int(message))
