"""Every command of the table, sent on Telegram by everybody, by a group's admin and by the operator; and as nonsense.

All of it is done once, in one house; the tests judge what came of it. What is logged meanwhile is kept to the letter.
"""

import io
from contextlib import suppress
from dataclasses import dataclass, field

import pytest
import pytest_asyncio
import structlog
from PIL import Image

from bot.commands import COMMANDS
from bot.options import Audience, OptionKind
from bot.typed import words_of
from tests.fakes.sweeps import TOKEN_CHARS, WITHOUT_LIMITS, everything_logged, ways_to_ask
from tests.fakes.telegram_houses import Scene, open_telegram
from tests.fakes.telegram_message import Message
from tests.fakes.telegram_server import Chat, User, texts

N_WAYS = 2  # of those who may less than the operator, who asks in all
ANSWERED_S = 20.0
# What nobody means: behind every command in turn, so that each rank meets all of them.
NONSENSE = (
    "--nonsense 1",
    "--steps NaN --size 0x0 --n -3",
    '"never closed \\',
    "@nobody 99999999999999999999 forever",
    "💥 \u202e{a,{b,c} --over [",
    "--" + "x" * 3_000,
    "-- -- --seed --seed",
    "\u0000\ud83d 1e309 %s {0}",
)

pytestmark = [
    pytest.mark.xdist_group("telegram sweep"),  # which is made once
    pytest.mark.timeout(300),  # hundreds of commands, on two busy cores
]


@dataclass(kw_only=True, eq=False)
class Asked:
    """Something that was sent, and everything of ours that answers it in the end."""

    command: str
    who: str
    words: str
    is_nonsense: bool
    sent: Message
    answers: list[Message] = field(default_factory=list)

    def __str__(self) -> str:
        return f"{self.who} in {self.sent.chat.title or 'private'}: {self.words[:80]}"


@dataclass
class Sweep:
    """What was asked, by whom, and everything that was written anywhere meanwhile."""

    asked: list[Asked] = field(default_factory=list)
    events: list[structlog.typing.EventDict] = field(default_factory=list)
    written: str = ""
    secret: str = ""
    problems: list[str] = field(default_factory=list)

    def by(self, *who: str) -> list[Asked]:
        """What these asked for in so many right words."""
        return [each for each in self.asked if each.who in who and not each.is_nonsense]


def picture() -> bytes:
    """Something to send."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "navy").save(buffer, format="PNG")
    return buffer.getvalue()


async def ask_all(scene: Scene, sweep: Sweep, who: User, chat: Chat, *, n_ways: int | None, n_nonsense: int) -> None:
    """Everything in the table, in its order, in so many ways, and with so much nonsense behind it."""
    nonsense = len(sweep.asked)
    for command in COMMANDS:
        ways = [*dict.fromkeys(tuple(way.items()) for way in ways_to_ask(command))][:n_ways]
        for way in ways:
            await ask(scene, sweep, who, chat, command.name, words_of(command.name, dict(way)))
        if any(option.kind is OptionKind.UPLOAD for option in command.options):
            words = words_of(command.name, dict(ways[0]))
            await ask(scene, sweep, who, chat, command.name, words, file=picture())
        for _ in range(n_nonsense):
            nonsense += 1
            words = f"/{command.name} {NONSENSE[nonsense % len(NONSENSE)]}"
            await ask(scene, sweep, who, chat, command.name, words, is_nonsense=True)


async def ask(
    scene: Scene,
    sweep: Sweep,
    who: User,
    chat: Chat,
    command: str,
    words: str,
    *,
    file: bytes | None = None,
    is_nonsense: bool = False,
) -> None:
    """One command, and wait for its answer; what never comes is for the tests to tell."""
    words = words.encode("utf-16", "surrogatepass").decode("utf-16", "replace").replace("\0", "")  # as the client does
    if file:
        sent = await scene.server.send_photo(who, chat, file, caption=words)
    else:
        sent = await scene.server.send(who, chat, words)
    sweep.asked.append(Asked(command=command, who=who.name, words=words, is_nonsense=is_nonsense, sent=sent))
    with suppress(TimeoutError):
        await scene.server.answer_to(sent, ANSWERED_S)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """Everything was asked; nobody has limits, for a refusal is the shorter answer."""
    done = Sweep()
    with everything_logged(done.events) as text:
        async with open_telegram(tmp_path_factory.mktemp("sweep")) as scene:
            server, private = scene.server, scene.server.private(scene.operator)
            for key in WITHOUT_LIMITS:
                await scene.say(f"/quota set everyone {key} unlimited", scene.operator, private)
            mona = server.add_user("mona")
            group = server.add_supergroup("art", scene.operator)
            server.add_member(group, mona, "administrator")
            await ask_all(scene, done, scene.ada, scene.private, n_ways=N_WAYS, n_nonsense=1)
            await ask_all(scene, done, scene.ada, group, n_ways=1, n_nonsense=1)
            await ask_all(scene, done, mona, group, n_ways=N_WAYS, n_nonsense=1)
            await scene.say("/settings place size default", mona, group)
            await ask_all(scene, done, scene.operator, private, n_ways=None, n_nonsense=1)
            done.problems = server.problems() + server.offences
            done.secret = server.token
            for each in done.asked:
                of_ours = each.sent.chat.messages.values()
                each.answers = [message for message in of_ours if message.is_mine and message.reply_to is each.sent]
    done.written = text.getvalue()
    return done


def test_every_command_has_one_answer(sweep: Sweep) -> None:
    """Something to read or to look at, once; a file may come with what does not fit a message."""
    assert {each.command for each in sweep.asked} == {command.name for command in COMMANDS}
    assert [str(each) for each in sweep.asked if not each.answers] == []
    assert [str(each) for each in sweep.asked if not (texts(each.answers[0]) or each.answers[0].media)] == []
    more = [each for each in sweep.asked if len(each.answers) > 1]
    assert [str(each) for each in more if not texts(each.answers[0]).endswith("…") or len(each.answers) > 2] == []


def test_nothing_breaks(sweep: Sweep) -> None:
    """Nobody reads that it did, and the log has no traceback and no error."""
    assert [str(each) for each in sweep.asked if any("broke" in texts(answer) for answer in each.answers)] == []
    assert "Traceback" not in sweep.written
    assert [event for event in sweep.events if event["level"] in ("error", "exception", "critical")] == []


def test_who_may_not_reads_who_can(sweep: Sweep) -> None:
    """Everybody what is an admin's, and an admin of a group what is the operator's."""
    ranks = {command.name: command.rank for command in COMMANDS}
    of_operators = [each for each in sweep.by("ada", "mona") if ranks[each.command] is Audience.OPERATOR]
    of_admins = [each for each in sweep.by("ada") if ranks[each.command] not in (Audience.EVERYBODY, Audience.OPERATOR)]
    assert {each.who for each in of_operators} == {"ada", "mona"}
    assert of_admins
    assert [str(each) for each in of_operators if "operator" not in texts(each.answers[0])] == []
    assert [str(each) for each in of_admins if "admin" not in texts(each.answers[0])] == []


def test_nonsense_is_answered_in_a_few_words(sweep: Sweep) -> None:
    """Whatever is meant by it, and however long it was."""
    nonsense = [each for each in sweep.asked if each.is_nonsense]
    assert len(nonsense) > 3 * len(COMMANDS)
    refused = [texts(each.answers[0]) for each in nonsense if "--nonsense" in each.words]
    assert refused
    assert max(len(each) for each in refused) < 400


def test_no_token_is_written_anywhere(sweep: Sweep) -> None:
    """At no level of the log and nowhere on standard error."""
    assert len(sweep.written) > 1_000
    assert sweep.secret.partition(":")[2][:TOKEN_CHARS] not in sweep.written


def test_all_that_was_said_is_by_the_description(sweep: Sweep) -> None:
    """Calls, answers and updates of every command."""
    assert sweep.problems == []
