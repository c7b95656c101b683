"""What can be seen of the fake Telegram of a campaign, and what went over its wires."""

from hashlib import sha256
from pathlib import Path

from bot.platforms.telegram.address import read
from engine.grid import plain_grid
from tests.campaigns import sight
from tests.campaigns.stages import Tallies
from tests.fakes.telegram_calls import Call
from tests.fakes.telegram_faults import Fault
from tests.fakes.telegram_houses import ids_of
from tests.fakes.telegram_judge import problems
from tests.fakes.telegram_message import Message
from tests.fakes.telegram_server import FakeTelegram
from tests.fakes.telegram_updates import Update

_DONE_ALL_THE_SAME = (Fault.REPLY_LOST, Fault.RESET, Fault.BROKEN_AFTER, Fault.STALLED)


class TelegramSight(sight.Sight[Message, Call]):
    """Watches a fake Telegram."""

    tallies: Tallies

    def __init__(self, server: FakeTelegram, seed: str) -> None:
        super().__init__(seed)
        self.server = server
        self.answer_of: dict[Message, Message] = {}  # ours that still waits, by what it answers
        self._asked: dict[str, Message] = {}  # by the key of its event, until it is answered
        self.n_cut_off = 0  # lives that may have ended between a call and its answer
        self._n_unanswered = 0  # new messages whose sender never read that they are there
        self._refused: set[tuple[int, int]] = set()  # chat and message, edited or answered
        self._updates: list[Update] = []
        self._uploads: dict[str, str] = {}  # SHA-256 of what was sent, by the file that Telegram made of it
        server.keeps_files = False
        server.after_a_change = self.changed

    # What is seen

    def changed(self, message: Message) -> None:
        """Also which message of ours answers which of theirs."""
        super().changed(message)
        if message.is_mine and message.reply_to:
            self.answer_of.setdefault(message.reply_to, message)
            self._asked.pop(self.key_of(message.reply_to), None)

    def key_of(self, asked: Message) -> str:
        """As the adapter makes it."""
        return f"t:{asked.chat.id}:{asked.id}"

    def unanswered(self) -> list[str]:
        """What somebody asked, and nobody said anything."""
        return list(self._asked)

    def ids_of(self, message: Message) -> list[str]:
        """Of all its buttons."""
        return ids_of(message)

    def is_away(self, message: Message) -> bool:
        """Its topic is gone."""
        topic = message.chat.topics.get(message.thread or 0)
        return topic is not None and topic.is_deleted

    def files_in(self, message: Message) -> tuple[str, ...]:
        """The photo, as it was sent: Telegram makes another file of it."""
        if message.media is None:
            return ()
        uploads = self.server.files_side._uploads
        if len(self._uploads) != len(uploads):
            self._uploads = {media.file.id: digest for digest, media in uploads.items()}
        return (self._uploads.get(message.media.file.id, "unknown"),)

    def shown_of(self, files: tuple[Path, ...]) -> tuple[str, ...]:
        """One picture itself; several as their grid."""
        if len(files) < 2:
            return super().shown_of(files)
        return (sha256(plain_grid(tuple(each.read_bytes() for each in files))).hexdigest(),)

    def where(self, message: Message) -> str:
        """Its chat and topic."""
        chat = message.chat
        topic = f", topic {message.thread}" if message.thread else ""
        return f"message {message.id} in {chat.kind} {chat.title or chat.id}{topic}"

    def was_refused(self, request: str, reply_to: str) -> bool:
        """Whether an edit of a message that names it was refused, or a new one that answers its asker."""
        where = read(reply_to)
        seen = {(each.chat.id, each.id) for each in self._told.get(request, {})}
        return bool((seen | {(where.chat, where.answering or 0)}) & self._refused)

    @property
    def offences(self) -> list[str]:
        """Calls about a chat that had been told to be quiet."""
        return self.server.offences

    def problems(self) -> list[str]:
        """What in the sample does not agree with the description of the Bot API."""
        self.drain(all_of_them=True)
        return problems(self._calls, self._updates)

    def wrongs(self) -> list[str]:
        """Lines that wait for ever, and which are more than new messages of which nobody could know."""
        left = [
            message
            for request, messages in self._told.items()
            for message in messages
            if not message.deleted and not self.shows_an_end(message) and self._ends.get(request)
        ]
        most = self._n_unanswered + self.n_cut_off + len(self._refused)
        found = [f"{len(left)} lines wait for ever, and {most} can be explained"] if len(left) > most else []
        return [*found, *(self.where(each) for each in left[: 5 if found else 0])]

    # Calls

    def drain(self, *, all_of_them: bool = False) -> None:
        """Count the calls that are over, and keep some of them, and of the updates the first."""
        server = self.server
        server.calls = self.count(server.calls, server.now(), all_of_them=all_of_them)
        server.downloads.clear()
        log = server.updates.log
        self._updates += log[: max(0, sight.SAMPLE - len(self._updates))]
        log.clear()

    def note(self, call: Call) -> None:
        """Of new messages, whether somebody read that they are there."""
        self._n_unanswered += call.method == "sendMessage" and call.fault in _DONE_ALL_THE_SAME

    def note_refusal(self, call: Call) -> None:
        """By the message that it was about: the one to be edited where that is refused for good, or answered."""
        chat = call.chat_id or 0
        if call.method.startswith("send"):
            self._refused.add((chat, (call.json("reply_parameters") or {}).get("message_id", 0)))
        elif call.status == 403:
            self._refused.add((chat, call.integer("message_id")))
