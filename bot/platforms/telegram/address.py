"""Where a message is, or is to be, on Telegram: a string for the database and back. Pure."""

from dataclasses import dataclass

_VERSION = "1"
_NONE = "-"


@dataclass(frozen=True, slots=True, kw_only=True)
class Where:
    """`thread` is a topic of a forum, None elsewhere and for its general one. `answering`: the message it answers."""

    place: str
    account: str
    chat: int
    thread: int | None
    answering: int | None
    is_shared: bool
    language: str = ""

    def written(self) -> str:
        """For the database."""
        thread, answering = (_NONE if each is None else str(each) for each in (self.thread, self.answering))
        last = f"{int(self.is_shared)}{self.language}"
        return f"{_VERSION};{self.place};{self.account};{self.chat};{thread};{answering};{last}"


def read(reply_to: str) -> Where:
    """What `written` wrote. Raises: ValueError for anything else."""
    version, place, account, chat, thread, answering, is_shared = reply_to.split(";")
    if version != _VERSION:
        raise ValueError(f"an address of version {version}")
    return Where(
        place=place,
        account=account,
        chat=int(chat),
        thread=None if thread == _NONE else int(thread),
        answering=None if answering == _NONE else int(answering),
        is_shared=is_shared.startswith("1"),
        language=is_shared[1:],
    )


@dataclass(frozen=True, slots=True)
class MessageName:
    """A message's chat and id."""

    chat: int
    message: int

    def __str__(self) -> str:
        return f"{self.chat}/{self.message}"


def message_name(remote_id: str) -> MessageName:
    """The name of a message as it was returned to the outbox."""
    chat, _, message = remote_id.partition("/")
    return MessageName(int(chat), int(message))
