"""Every command of the table, typed on Discord by everybody, by a server's manager and by the operator.

All of it is done once, in one house; the tests judge what came of it. What is logged meanwhile is kept to the letter.
"""

import io
import logging
import sys
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import pytest_asyncio
import structlog
from PIL import Image

from bot import __main__ as command_line
from bot.commands import COMMANDS
from bot.options import Audience, Command, OptionKind
from bot.platforms.discord.client import QuietLogs
from bot.platforms.discord.menu import ON_MESSAGES
from bot.studio import Studio
from tests.fakes.discord_houses import Scene, ids_of, open_discord
from tests.fakes.discord_interactions import ACK_S, FORM
from tests.fakes.discord_server import MANAGER, Attachment, Channel, Interaction, User, gallery, texts
from tests.fakes.sweeps import TOKEN_CHARS, WITHOUT_LIMITS, everything_logged, ways_to_ask

Values = Mapping[str, object]

pytestmark = [
    pytest.mark.xdist_group("discord sweep"),  # which is made once
    pytest.mark.timeout(300),  # hundreds of commands, on two busy cores
]


@dataclass
class Sweep:
    """What was asked, by whom, and everything that was written anywhere meanwhile."""

    asked: list[tuple[str, Interaction]] = field(default_factory=list)
    suggested: list[tuple[str, Interaction]] = field(default_factory=list)
    events: list[structlog.typing.EventDict] = field(default_factory=list)
    written: str = ""
    secrets: tuple[str, ...] = ()
    problems: list[str] = field(default_factory=list)


# What is typed


def picture(scene: Scene) -> Attachment:
    """Something to attach."""
    buffer = io.BytesIO()
    Image.new("RGB", (64, 64), "navy").save(buffer, format="PNG")
    return scene.server.upload("mine.png", buffer.getvalue())


def is_shown(command: Command, user: User, channel: Channel) -> bool:
    """Discord hides what is for admins from others in a server, and shows it to everybody in direct messages."""
    return command.rank is Audience.EVERYBODY or channel.guild is None or bool(channel.what_may(user) & 1 << 5)


async def ask_all(scene: Scene, sweep: Sweep, who: User, channel: Channel, *, n_ways: int | None) -> None:
    """Everything in the table, in its order; `n_ways` of asking for each."""
    for command in COMMANDS:
        if not is_shown(command, who, channel):
            continue
        ways = [*dict.fromkeys(tuple(way.items()) for way in ways_to_ask(command))][:n_ways]
        for way in ways:
            await ask(scene, sweep, who, channel, command.name, dict(way))
        if any(option.kind is OptionKind.UPLOAD for option in command.options):
            await ask(scene, sweep, who, channel, command.name, {**dict(ways[0]), "upload": picture(scene)})


async def ask(scene: Scene, sweep: Sweep, who: User, channel: Channel, name: str, values: Values) -> None:
    """One command, and wait for its answer."""
    asked = await scene.server.slash(who, channel, name, values)
    sweep.asked.append((f"{who.name}: /{name} {dict(values)}", asked))
    await answered(asked)


async def answered(asked: Interaction) -> None:
    """Wait until there is something to read; what never comes is for the tests to tell."""
    with suppress(TimeoutError):
        await asked.acked(10.0)
        if asked.response_type != FORM:
            await asked.answered(20.0)


async def type_all(scene: Scene, sweep: Sweep) -> None:
    """Begin to type in every option that suggests."""
    for command in scene.server.commands.registered():
        for option in command["options"]:
            if option.get("autocomplete"):
                for typed in ("", "a"):
                    await scene.server.autocomplete(
                        scene.operator, scene.channel, command["name"], option["name"], typed
                    )
                    sweep.suggested.append(
                        (f"/{command['name']} {option['name']}", [*scene.server.interactions.values()][-1])
                    )


async def choose_all(scene: Scene, sweep: Sweep) -> None:
    """Every command in the menu of a message, on one with a picture and on one without."""
    said = [
        scene.server.say(scene.ada, scene.channel, "look", [picture(scene)]),
        scene.server.say(scene.ada, scene.channel, "no picture"),
    ]
    for name in ON_MESSAGES:
        for message in said:
            asked = await scene.server.context(scene.ada, scene.channel, message, name)
            sweep.asked.append((f"ada: {name}", asked))
            await answered(asked)


@pytest_asyncio.fixture(scope="module", loop_scope="module")
async def sweep(tmp_path_factory: pytest.TempPathFactory) -> Sweep:
    """Everything was asked; nobody has limits, for a refusal is the shorter answer."""
    done = Sweep()
    with everything_logged(done.events) as text:
        async with open_discord(tmp_path_factory.mktemp("sweep")) as scene:
            for key in WITHOUT_LIMITS:
                limit = {"action": "set", "who": "everyone", "key": key, "value": "unlimited"}
                await ask(scene, done, scene.operator, scene.channel, "quota", limit)
            await ask(scene, done, scene.operator, scene.channel, "allow", {"who": "everyone"})
            mona = scene.server.add_user("mona")
            scene.server.add_member(scene.guild, mona, MANAGER)
            await ask_all(scene, done, scene.ada, scene.channel, n_ways=2)
            await ask_all(scene, done, scene.ada, scene.server.dm(scene.ada), n_ways=2)
            await choose_all(scene, done)
            await ask_all(scene, done, mona, scene.channel, n_ways=2)
            small = {"scope": "place", "key": "size", "value": "default"}
            await ask(scene, done, mona, scene.channel, "settings", small)
            await ask_all(scene, done, scene.operator, scene.channel, n_ways=None)
            await type_all(scene, done)
            done.problems = scene.server.problems() + scene.server.offences
            done.secrets = (scene.server.token, *scene.server.interactions)
    done.written = text.getvalue()
    return done


# What came of it


def test_every_command_has_its_answer_in_time(sweep: Sweep) -> None:
    """A message, a form or a sentence that refuses; never a "thinking" for ever."""
    late = [(what, asked.acked_after_s) for what, asked in sweep.asked if (asked.acked_after_s or ACK_S) >= ACK_S]
    assert late == []
    silent = [what for what, asked in sweep.asked if not (asked.modal or (asked.message and is_readable(asked)))]
    assert silent == []
    assert {asked.data["name"] for _, asked in sweep.asked} >= {command.name for command in COMMANDS}


def is_readable(asked: Interaction) -> bool:
    """Somebody can read it."""
    return bool(asked.message and not asked.message.is_loading and (texts(asked.message) or gallery(asked.message)))


def test_nothing_breaks(sweep: Sweep) -> None:
    """Nobody reads that it did, and the log has no traceback and no error."""
    broken = [what for what, asked in sweep.asked if asked.message and "broke" in texts(asked.message)]
    assert broken == []
    assert "Traceback" not in sweep.written
    assert [event for event in sweep.events if event["level"] in ("error", "exception", "critical")] == []


def test_answers_of_admin_commands_are_for_the_asker_alone(sweep: Sweep) -> None:
    """What is set, who is banned and how much is drawn is nobody else's to read."""
    for_admins = {command.name for command in COMMANDS if command.rank is not Audience.EVERYBODY}
    told = [(what, asked) for what, asked in sweep.asked if asked.data["name"] in for_admins]
    assert len(told) > 2 * len(for_admins)
    assert [what for what, asked in told if not asked.ephemeral] == []


def test_who_may_not_reads_who_can(sweep: Sweep) -> None:
    """Everybody in direct messages, where Discord shows all commands to all; and a manager what is the operator's."""
    for_operators = {command.name for command in COMMANDS if command.rank is Audience.OPERATOR}
    tried = [
        (what, texts(asked.message))
        for what, asked in sweep.asked
        if asked.data["name"] in for_operators and asked.user.name in ("ada", "mona") and asked.message
    ]
    assert {what.partition(":")[0] for what, _ in tried} == {"ada", "mona"}
    assert [what for what, said in tried if "operator" not in said] == []


def test_whatever_suggests_does_so_in_time(sweep: Sweep) -> None:
    """At most twenty-five, while somebody types."""
    assert len(sweep.suggested) > 20
    for what, typing in sweep.suggested:
        assert typing.acked_after_s is not None, what
        assert typing.acked_after_s < ACK_S, what
        assert len(typing.choices) <= 25, what


def test_no_token_is_written_anywhere(sweep: Sweep) -> None:
    """Neither the bot's nor any interaction's, at no level of the log and nowhere on standard error."""
    assert len(sweep.written) > 1_000
    assert len(sweep.secrets) > 200
    assert [secret[:TOKEN_CHARS] for secret in sweep.secrets if secret[:TOKEN_CHARS] in sweep.written] == []


def test_all_that_was_said_is_by_the_specs(sweep: Sweep) -> None:
    """Requests, answers and events of every command."""
    assert sweep.problems == []


def test_what_discord_py_complains_of_is_logged_without_tokens() -> None:
    """The canary: the line is there, the tokens in it are not."""
    secret, theirs = "MTIz.canary.of-the-bot", "aW50ZXJhY3Rpb246canary"
    events: list[structlog.typing.EventDict] = []
    logger = logging.getLogger("discord")
    before = logger.handlers, logger.propagate, logger.level
    with everything_logged(events) as text:
        QuietLogs(secret).put_up()
        try:
            raise ConnectionError(f"https://x/webhooks/1/{theirs}/messages/@original with {secret}")
        except ConnectionError:
            logging.getLogger("discord.http").exception("POST %s/interactions/1/%s/callback", secret, theirs)
    logger.handlers, logger.propagate = before[0], before[1]
    logger.setLevel(before[2])
    assert "/interactions/1/…/callback" in events[0]["said"]
    assert "/webhooks/1/…/messages" in events[0]["reason"]
    assert secret not in text.getvalue()
    assert theirs not in text.getvalue()


async def test_what_breaks_is_logged_without_tokens_and_prompts(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As the program logs it: where it broke, and not what anybody's words or tokens were in that moment."""

    async def broken(*_: object, **__: object) -> None:
        raise RuntimeError("on purpose")

    before, stderr = structlog.get_config(), io.StringIO()
    monkeypatch.setattr(Studio, "ask", broken)
    async with open_discord(tmp_path, is_open=False) as scene:
        with monkeypatch.context() as patched:
            patched.setattr(sys, "stderr", stderr)
            command_line._log_to_stderr(is_verbose=False, is_server=True)
        try:
            asked = await scene.slash("/imagine a secret of mine")
            assert "Something broke on our side (ref " in texts(await asked.answered())
        finally:
            logging.disable(logging.NOTSET)
            structlog.configure(**before)
        logged = stderr.getvalue()
        assert "on purpose" in logged
        assert scene.server.token[:TOKEN_CHARS] not in logged
        assert asked.token[:TOKEN_CHARS] not in logged
        assert "a secret of mine" not in logged


async def test_a_form_that_breaks_is_answered_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Whoever pressed reads where to find it in the log, and not that the application did not respond."""

    async def broken(*_: object) -> None:
        raise RuntimeError("on purpose")

    async with open_discord(tmp_path) as scene:
        message = await scene.drawn()
        monkeypatch.setattr(Studio, "words_and_strength", broken)
        remix = next(each for each in ids_of(message) if each.startswith("remix:"))
        pressed = await scene.server.click(scene.ada, message, remix)
        assert "Something broke on our side (ref " in texts(await pressed.answered())
        assert pressed.ephemeral
