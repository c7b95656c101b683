"""The adapter on SimCord, somebody else's simulation of Discord: a second reading of the same documentation.

SimCord puts itself in the place of discord.py's HTTP client, webhook adapter and gateway, logs the client in, and after
everything that somebody does waits until all tasks of the bot have come to rest. So `DiscordPlatform.start`, which does
the same with a network, is not called: what it does after the login is. The house is opened within the simulation but
outside of the bot's own tasks, and the studio is called across a bridge; else SimCord would wait for the engine.

It knows Components V2, forms and menus of messages. It does not know sizes of files, rate limits and retries (an error
that is injected stands in the place of discord.py's HTTP client), it has no address that an attachment could be fetched
from, its bot owns its application, and with a fixture it loses its context: hence `async with` in each test.
`test_discord_ladder.py` and `test_discord_talking.py` have what it has not, on sockets.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import simcord
from simcord.actors import MemberActor
from simcord.builders import ChannelHandle, GuildHandle
from simcord.results import InteractionResult, ResponseMessage

from bot import house as houses
from bot.platforms.discord.menu import READ_THIS, REMIX_THIS
from bot.platforms.discord.platform import DiscordPlatform
from bot.platforms.discord.settings import DiscordSettings
from bot.settings import Settings
from bot.studio import Studio
from engine.finish import Finisher
from storage.store import open_store
from tests.fakes import engines
from tests.fakes.studios import FakeStudio

WITHIN_S = 20.0
_TEXT, _GALLERY = 10, 12


class Bridge:
    """The studio as the bot's tasks see it: each call is done by a task that is not the bot's.

    While it is held, nothing is done, and SimCord is told that this is no work of the bot's.
    """

    def __init__(self) -> None:
        self._calls: asyncio.Queue[tuple[Callable[[], Awaitable[Any]], asyncio.Future[Any]]] = asyncio.Queue()
        self._is_open = asyncio.Event()
        self._is_open.set()
        self._studio: Studio | None = None
        self._env: simcord.Env | None = None

    def about(self) -> Any:
        """What is asked before there is a studio."""
        return FakeStudio().about()

    def not_over(self, account: str) -> Mapping[str, str]:
        """From memory, so asked at once."""
        return self._studio.not_over(account) if self._studio else {}

    def __getattr__(self, name: str) -> Callable[..., Awaitable[Any]]:
        async def call(*args: Any, **kwargs: Any) -> Any:
            answer: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
            self._calls.put_nowait((lambda: getattr(self._studio, name)(*args, **kwargs), answer))
            if self._is_open.is_set() or self._env is None:
                return await answer
            return await self._env.external_wait(answer, reason="the studio is held")

        return call

    async def serve(self, studio: Studio, env: simcord.Env) -> None:
        """Do what is asked, all beside each other."""
        self._studio, self._env = studio, env
        async with asyncio.TaskGroup() as group:
            while True:
                group.create_task(self._do(*await self._calls.get()))

    async def _do(self, call: Callable[[], Awaitable[Any]], answer: asyncio.Future[Any]) -> None:
        await self._is_open.wait()
        try:
            said = await call()
        except Exception as exc:  # noqa: BLE001  # whoever called raises it
            answer.set_exception(exc)
        else:
            answer.set_result(said)

    def hold(self) -> None:
        """Do nothing for now."""
        self._is_open.clear()

    def let_go(self) -> None:
        """Do what was asked meanwhile."""
        self._is_open.set()


@dataclass
class Scene:
    """A server with a channel and two people; its owner runs the bot."""

    env: simcord.Env
    house: houses.House
    bridge: Bridge
    guild: GuildHandle
    channel: ChannelHandle
    owner: MemberActor
    alice: MemberActor

    async def drawn(self, **options: Any) -> ResponseMessage:
        """Alice asks, and waits for the picture."""
        return await self.end_of(await self.alice.slash(self.channel, "imagine", prompt="a red circle", **options))

    async def end_of(self, asked: InteractionResult) -> ResponseMessage:
        """The answer to an interaction once it is over: what is over can be deleted by a button."""
        await self.until(lambda: bool(asked.response and button_ids(asked.response, "delete")))
        assert asked.response
        return asked.response

    async def until(self, holds: Callable[[], bool]) -> None:
        """Look again and again: what the house does is on its own time."""
        await engines.until(holds, WITHIN_S)


@asynccontextmanager
async def open_simcord(folder: Path, *drawer: str) -> AsyncIterator[Scene]:
    """A house with SimCord as its Discord."""
    bridge, finisher, added = Bridge(), Finisher(), list[str]()
    settings = DiscordSettings(token="not.a.token")
    platform = DiscordPlatform(
        bridge,  # type: ignore[arg-type]  # all that is asked of a studio
        finisher,
        settings,
        folder,
        added.append,
        lambda: env.now().timestamp(),
    )
    async with (
        simcord.run(platform.client, shard_count=1, settle_timeout=WITHIN_S) as env,
        open_store(folder) as store,
        engines.running_engine(*drawer) as engine,
    ):
        house = await houses.furnish(Settings(data_dir=folder, job_deadline_s=60.0), store, engine, finisher)
        house.teller.add(platform)
        serving = asyncio.create_task(bridge.serve(house.studio, env))
        try:
            await house.teller.start()
            await platform.calls.open()
            await platform._meet_the_owner()
            await platform._sync_menu()
            assert env.bot.user
            assert added == [f"discord:{env.bot.user.id}"]
            boss = env.create_user("boss")
            house.desk.add_owner(f"discord:{boss.id}")
            guild = env.create_guild(owner=boss)
            channel = guild.create_text_channel("art")
            owner, alice = guild.add_member(boss), guild.add_member(env.create_user("alice"))
            await owner.slash(channel, "allow", who="everyone")
            yield Scene(env, house, bridge, guild, channel, owner, alice)
        finally:
            bridge.let_go()
            await house.wind_down()
            await platform.close()
            serving.cancel()
            await asyncio.gather(serving, return_exceptions=True)
            await house.close()
            await finisher.close()


def parts(components: list[dict[str, Any]]) -> Iterator[Mapping[str, Any]]:
    """All parts of a message."""
    for each in components:
        yield each
        yield from parts(each.get("components", []))


def words(message: ResponseMessage | None) -> str:
    """All that can be read."""
    assert message
    return "\n".join(each["content"] for each in parts(message.components) if each["type"] == _TEXT)


def button_ids(message: ResponseMessage, verb: str) -> list[str]:
    """Of the buttons that do this."""
    ids = [str(each.get("custom_id", "")) for each in parts(message.components)]
    return [each for each in ids if each.startswith(f"{verb}:")]


def descriptions(message: ResponseMessage) -> list[str]:
    """What is said of each picture for who cannot see it."""
    galleries = [each for each in parts(message.components) if each["type"] == _GALLERY]
    return [item["description"] for each in galleries for item in each["items"]]


async def test_a_command_becomes_a_picture(tmp_path: Path) -> None:
    """In a server: acknowledged, and the answer becomes a gallery with the file, its words and its buttons."""
    async with open_simcord(tmp_path) as scene:
        asked = await scene.alice.slash(scene.channel, "imagine", prompt="a red circle", seed=7)
        assert asked.acknowledged
        assert not asked.ephemeral
        message = await scene.end_of(asked)
        assert descriptions(message) == ["a red circle (seed 7)"]
        [file] = message.attachments
        assert (await file.read()).startswith(b"\x89PNG")
        assert "seed 7" in words(message)


async def test_direct_messages_work(tmp_path: Path) -> None:
    """Without a server around."""
    async with open_simcord(tmp_path) as scene:
        asked = await scene.alice.user.slash("imagine", prompt="a star")
        assert (await scene.end_of(asked)).attachments


async def test_buttons_ask_anew_and_take_away(tmp_path: Path) -> None:
    """Again is a message of its own; Delete takes the one that it is on."""
    async with open_simcord(tmp_path) as scene:
        message = await scene.drawn(seed=7)
        again = await scene.end_of(await scene.alice.click(message.message, custom_id=button_ids(message, "again")[0]))
        assert again.id != message.id
        assert descriptions(again)
        gone = await scene.alice.click(message.message, custom_id=button_ids(message, "delete")[0])
        assert gone.acknowledged
        await scene.until(lambda: message.id not in {each.id for each in scene.channel.history()})


async def test_what_the_menu_forbids_never_reaches_us(tmp_path: Path) -> None:
    """Numbers out of bounds, unknown choices and unknown options are refused by the client of whoever types."""
    async with open_simcord(tmp_path) as scene:
        before = len(scene.env.http_requests)
        for options in ({"pictures": 99}, {"sampler": "magic"}, {"colour": "red"}, {"steps": 0}):
            with pytest.raises(simcord.OptionError):
                await scene.alice.slash(scene.channel, "imagine", prompt="a star", **options)
        assert len(scene.env.http_requests) == before


async def test_a_refusal_is_for_the_asker_alone(tmp_path: Path) -> None:
    """And for nobody else to see."""
    async with open_simcord(tmp_path) as scene:
        asked = await scene.alice.slash(scene.channel, "imagine", prompt="a star --size 500x501")
        assert asked.ephemeral
        assert "multiple of 8" in words(asked.response)


async def test_the_menu_of_a_message_reads_and_remixes_its_picture(tmp_path: Path) -> None:
    """Of ours, the picture is known by its buttons; the form comes filled in, and what is sent is drawn."""
    async with open_simcord(tmp_path) as scene:
        message = await scene.drawn(seed=7)
        recipe = await scene.alice.context_menu(scene.channel, READ_THIS, message.message)
        assert recipe.ephemeral
        assert "a red circle" in words(recipe.response)
        shown = await scene.alice.context_menu(scene.channel, REMIX_THIS, message.message)
        assert shown.modal
        assert shown.modal["components"][0]["component"]["value"] == "a red circle"
        sent = await scene.alice.submit_modal(shown, {"prompt": "a blue ring --seed 3", "strength": "0.5"})
        assert descriptions(await scene.end_of(sent)) == ["a blue ring (seed 3)"]


async def test_models_are_suggested_while_typing(tmp_path: Path) -> None:
    """What fits."""
    async with open_simcord(tmp_path) as scene:
        found = await scene.alice.autocomplete(scene.channel, "imagine", "model", "po", prompt="a star")
        assert [each["value"] for each in found][:1] == ["pocket"]


async def test_an_edit_that_breaks_is_made_again(tmp_path: Path) -> None:
    """Discord breaks while the picture is shown: it is shown a little later, in the same message, once."""
    async with open_simcord(tmp_path, "--step-s", "0.05") as scene:
        asked = await scene.alice.slash(scene.channel, "imagine", prompt="a red circle", seed=7)
        scene.env.inject_error("PATCH", "/webhooks/*/*/messages/@original", status=500, times=2)
        message = await scene.end_of(asked)
        assert descriptions(message) == ["a red circle (seed 7)"]
        assert [each.id for each in scene.channel.history()].count(message.id) == 1
        assert len(scene.channel.history()) == 1


async def test_what_takes_long_is_answered_with_thinking_first(tmp_path: Path) -> None:
    """Whatever it is that takes long; then it becomes the message."""
    async with open_simcord(tmp_path) as scene:
        scene.bridge.hold()
        asked = await scene.alice.slash(scene.channel, "imagine", prompt="a red circle", seed=7)
        assert asked.deferred
        assert not asked.ephemeral
        scene.bridge.let_go()
        assert descriptions(await scene.end_of(asked)) == ["a red circle (seed 7)"]


async def test_a_form_that_comes_too_late_is_a_sentence(tmp_path: Path) -> None:
    """It would have to be the first answer, and "thinking" was: so the presser reads to press once more."""
    async with open_simcord(tmp_path) as scene:
        message = await scene.drawn(seed=7)
        scene.bridge.hold()
        pressed = await scene.alice.click(message.message, custom_id=button_ids(message, "remix")[0])
        assert pressed.deferred
        assert pressed.ephemeral
        scene.bridge.let_go()
        await scene.until(lambda: "try once more" in words(pressed.response))
        assert not pressed.modal
