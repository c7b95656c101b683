"""The fake Discord as discord.py meets it: a small client of its own, on real sockets, in this process."""

import asyncio
import io
import json
import sys
from collections.abc import AsyncIterator, Callable, Iterator
from typing import Any

import aiohttp
import discord
import pytest
import yarl
from discord import app_commands
from discord.gateway import DiscordWebSocket
from discord.http import Route
from PIL import Image

from tests.fakes.discord_server import (
    ALL,
    BOT,
    MANAGER,
    Channel,
    FakeDiscord,
    Fault,
    Guild,
    Permission,
    RateLimit,
    User,
    button,
    buttons,
    gallery,
    texts,
)

V2 = 1 << 15


def png(side_px: int = 8) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (side_px, side_px), "red").save(out, "PNG")
    return out.getvalue()


PNG = png()


class Form(discord.ui.Modal, title="Words"):
    """A text in a row, and one under a label."""

    words: Any = discord.ui.TextInput(label="Words", custom_id="words", default="a cat")
    more: Any = discord.ui.Label(
        text="More", component=discord.ui.TextInput(custom_id="more", required=False, max_length=20)
    )

    async def on_submit(self, interaction: discord.Interaction) -> None:
        await interaction.response.send_message(f"{self.words.value}|{self.more.component.value}")


class Bot(discord.AutoShardedClient):
    """Answers a few commands; what it was told is in `seen`, errors of its handlers in `errors`."""

    def __init__(self) -> None:
        super().__init__(intents=discord.Intents(guilds=True), guild_ready_timeout=0.05, max_messages=None)
        self.tree = app_commands.CommandTree(self)
        self.seen: list[discord.Interaction] = []
        self.joined: list[int] = []
        self.errors: list[BaseException] = []
        self.tree.error(self._on_tree_error)
        self.before_answer: Callable[[], Any] = lambda: None

    async def _on_tree_error(self, _interaction: discord.Interaction, error: app_commands.AppCommandError) -> None:
        self.errors.append(error.__cause__ or error)

    async def on_error(self, _event: str, /, *_args: Any, **_kwargs: Any) -> None:
        error = sys.exc_info()[1]
        assert error
        self.errors.append(error)

    async def setup_hook(self) -> None:
        add_commands(self)
        await self.tree.sync()

    async def on_guild_join(self, guild: discord.Guild) -> None:
        self.joined.append(guild.id)

    async def on_interaction(self, interaction: discord.Interaction) -> None:
        self.seen.append(interaction)
        told: Any = interaction.data
        custom_id = told.get("custom_id", "")
        if custom_id == "again":
            await interaction.response.edit_message(content="again", view=None)
        elif custom_id == "form":
            await interaction.response.send_modal(Form())
        elif custom_id == "size":
            await interaction.response.send_message(" and ".join(told["values"]), ephemeral=True)


def add_commands(bot: Bot) -> None:
    @bot.tree.command(description="Answers at once")
    async def hello(interaction: discord.Interaction, name: str, times: app_commands.Range[int, 1, 3] = 1) -> None:
        view = discord.ui.View(timeout=None)
        view.add_item(discord.ui.Button(label="Again", custom_id="again"))
        view.add_item(discord.ui.Button(label="Form", custom_id="form"))
        sizes = [discord.SelectOption(label=each) for each in ("small", "large", "huge")]
        view.add_item(discord.ui.Select(custom_id="size", options=sizes, max_values=2))
        bot.before_answer()
        await interaction.response.send_message(f"hello {name} {times}", view=view)

    @hello.autocomplete("name")
    async def names(_interaction: discord.Interaction, current: str) -> list[app_commands.Choice[str]]:
        return [app_commands.Choice(name=current * n, value=current * n) for n in (1, 2)]

    @bot.tree.command(description="Answers with a picture")
    @app_commands.choices(kind=[app_commands.Choice(name="Big", value="big")])
    async def draw(
        interaction: discord.Interaction,
        upload: discord.Attachment | None = None,
        kind: str = "big",
        who: discord.User | None = None,
    ) -> None:
        await interaction.response.defer()
        content = await upload.read() if upload else PNG
        await interaction.edit_original_response(
            content="here", attachments=[discord.File(io.BytesIO(content), "a.png")]
        )

    @bot.tree.context_menu(name="Quote this")
    async def quote(interaction: discord.Interaction, message: discord.Message) -> None:
        await interaction.response.send_message(f"> {message.content} of {message.author.name}", ephemeral=True)

    @bot.tree.command(description="Nobody answers")
    async def silence(interaction: discord.Interaction) -> None:
        pass


@pytest.fixture(autouse=True)
def _restored() -> Iterator[None]:
    """The library's addresses are those of the module, whoever changes them."""
    before = Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY
    yield
    Route.BASE, DiscordWebSocket.DEFAULT_GATEWAY = before


@pytest.fixture
async def server() -> AsyncIterator[FakeDiscord]:
    fake = FakeDiscord()
    await fake.start()
    yield fake
    await fake.close()


@pytest.fixture
def guild(server: FakeDiscord) -> Guild:
    return server.add_guild("home", server.add_user("alice"))


@pytest.fixture
def channel(server: FakeDiscord, guild: Guild) -> Channel:
    return server.add_channel(guild, "general")


@pytest.fixture
def ann(server: FakeDiscord) -> User:
    return server.add_user("ann")


@pytest.fixture
async def bot(server: FakeDiscord, channel: Channel) -> AsyncIterator[Bot]:
    """Connected, with its commands registered; gone before the library's addresses are restored."""
    Route.BASE = server.api_base
    DiscordWebSocket.DEFAULT_GATEWAY = yarl.URL(server.gateway)
    client = Bot()
    running = asyncio.create_task(client.start(server.token))
    await server.ready(n_commands=4)
    await client.wait_until_ready()
    yield client
    await client.close()
    await asyncio.gather(running, return_exceptions=True)
    await client.http.connector.close()


async def test_a_client_logs_in_and_hears_of_its_servers(server: FakeDiscord, bot: Bot, guild: Guild) -> None:
    """Login, READY with a local address, GUILD_CREATE; nothing of it against the specs."""
    assert bot.user
    assert bot.user.id == server.bot_user_id
    assert bot.application_id == server.application_id
    assert [each.id for each in bot.guilds] == [guild.id]
    assert bot.guilds[0].channels[0].name == "general"
    assert server.n_identifies == 1
    assert [f"{call.method} {call.path}" for call in server.calls] == [
        "GET /users/@me",
        "GET /oauth2/applications/@me",
        f"PUT /applications/{server.application_id}/commands",
        "GET /gateway/bot",
    ]
    assert server.problems() == []


async def test_a_command_is_answered(server: FakeDiscord, bot: Bot, channel: Channel, ann: User) -> None:
    """The message, its buttons and the time that it took are there to be looked at."""
    asked = await server.slash(ann, channel, "hello", {"name": "cat", "times": 2}, locale="de")
    await asked.acked()
    assert asked.response_type == 4
    assert asked.acked_after_s is not None
    assert asked.acked_after_s < 2.0
    message = asked.message
    assert message
    assert texts(message) == "hello cat 2"
    assert [each["label"] for each in buttons(message)] == ["Again", "Form"]
    assert str(bot.seen[0].locale) == "de"
    assert server.problems() == []


async def test_a_deferred_answer_becomes_a_picture(server: FakeDiscord, bot: Bot, channel: Channel, ann: User) -> None:
    """What was uploaded can be read by the bot; what the bot sends is on the CDN; each state of the message is kept."""
    asked = await server.slash(ann, channel, "draw", {"upload": server.upload("my cat.png", png(5)), "who": ann})
    message = await asked.answered()
    assert [state.flags for state in message.history] == [1 << 7, 0]
    (shown,) = gallery(message)
    assert shown.attachment
    assert shown.attachment.content == png(5)
    assert (shown.attachment.width, shown.attachment.filename) == (5, "a.png")
    async with aiohttp.ClientSession() as session, session.get(shown.url) as reply:
        assert await reply.read() == png(5)
        assert reply.content_type == "image/png"
    assert server.problems() == []


async def test_a_button_updates_its_message(server: FakeDiscord, bot: Bot, channel: Channel, ann: User) -> None:
    """Once it has no buttons any more, nobody can press them."""
    asked = await (await server.slash(ann, channel, "hello", {"name": "cat"})).acked()
    assert asked.message
    clicked = await (await server.click(ann, asked.message, button(asked.message, "Again")["custom_id"])).acked()
    assert clicked.response_type == 7
    assert clicked.message is asked.message
    assert texts(asked.message) == "again"
    assert asked.message.n_edits == 1
    with pytest.raises(AssertionError, match="no component 'again'"):
        await server.click(ann, asked.message, "again")
    assert server.problems() == []


async def test_a_form_is_filled_in(server: FakeDiscord, bot: Bot, channel: Channel, ann: User) -> None:
    """Fields in rows and under labels come back as Discord sends them; its client's limits hold."""
    asked = await (await server.slash(ann, channel, "hello", {"name": "cat"})).acked()
    assert asked.message
    opened = await (await server.click(ann, asked.message, "form")).acked()
    assert opened.modal
    with pytest.raises(AssertionError, match="'more' takes 0 to 20 characters"):
        await server.submit(opened, {"more": "x" * 21})
    with pytest.raises(AssertionError, match="'words' is required"):
        await server.submit(opened, {"words": ""})
    sent = await (await server.submit(opened, {"more": "and a dog"})).acked()
    assert sent.message
    assert texts(sent.message) == "a cat|and a dog"
    assert server.problems() == []


async def test_a_choice_is_made(server: FakeDiscord, bot: Bot, channel: Channel, ann: User) -> None:
    """Of what there is to choose from, and no more than may be chosen; an ephemeral answer is for one person's eyes."""
    asked = await (await server.slash(ann, channel, "hello", {"name": "cat"})).acked()
    assert asked.message
    with pytest.raises(AssertionError, match="takes 1 to 2 values"):
        await server.choose(ann, asked.message, "size", [])
    with pytest.raises(AssertionError, match="not all among"):
        await server.choose(ann, asked.message, "size", ["tiny"])
    chosen = await (await server.choose(ann, asked.message, "size", ["small", "huge"])).acked()
    assert chosen.ephemeral
    assert chosen.message
    assert texts(chosen.message) == "small and huge"
    with pytest.raises(AssertionError, match="ephemeral"):
        await server.click(server.owner, chosen.message, "again")
    assert server.problems() == []


async def test_the_first_followup_becomes_the_deferred_answer(
    server: FakeDiscord, bot: Bot, channel: Channel, ann: User
) -> None:
    """As Discord documents it, ephemeral or not as it was deferred; the next one is a message of its own."""
    asked = await server.slash(ann, server.dm(ann), "silence")
    path = f"/webhooks/{server.application_id}/{asked.token}"
    assert (await call(server, "POST", path, {"content": "x"})).code == 10015
    callback = f"/interactions/{asked.id}/{asked.token}/callback"
    assert (await call(server, "POST", callback, {"type": 5, "data": {"flags": V2}})).code == 50035
    assert (await call(server, "POST", callback, {"type": 6})).code == 50035
    assert (await call(server, "POST", callback, {"type": 5})).status == 204
    first = await call(server, "POST", path, {"flags": V2 | 64, "components": [text("one")]})
    assert asked.message
    assert first.body["id"] == str(asked.message.id)
    assert (texts(asked.message), asked.message.flags) == ("one", V2)
    second = await call(server, "POST", path, {"flags": V2 | 64, "components": [text("two")]})
    assert [(str(each.id), each.is_ephemeral) for each in asked.followups] == [(second.body["id"], True)]
    assert (await call(server, "DELETE", f"{path}/messages/@original")).status == 204
    assert (await call(server, "PATCH", f"{path}/messages/@original", {"content": "x"})).code == 10008
    assert server.problems() == []


async def test_options_complete_while_typing(server: FakeDiscord, bot: Bot, channel: Channel, ann: User) -> None:
    """The choices of an option that completes, and only of such a one."""
    assert [each["value"] for each in await server.autocomplete(ann, channel, "hello", "name", "do")] == ["do", "dodo"]
    with pytest.raises(AssertionError, match="does not complete"):
        await server.autocomplete(ann, channel, "hello", "times", "1")
    assert server.problems() == []


async def test_a_command_of_a_message_is_told_the_message(
    server: FakeDiscord, bot: Bot, channel: Channel, ann: User
) -> None:
    """And its answer is seen by one person alone, whom nobody else can press a button for."""
    said = server.say(ann, channel, "to be")
    asked = await (await server.context(ann, channel, said, "Quote this")).acked()
    assert asked.ephemeral
    assert asked.message
    assert texts(asked.message) == "> to be of ann"
    reply = await call(server, "PATCH", f"/channels/{channel.id}/messages/{asked.message.id}", {"content": "x"})
    assert reply.code == 10008
    assert server.problems() == []


@pytest.mark.parametrize(
    ("name", "options", "why"),
    [
        ("nothing", {}, "no command 'nothing'"),
        ("hello", {}, "'name' is required"),
        ("hello", {"name": "cat", "times": 4}, "takes 1 to 3, not 4"),
        ("hello", {"name": "cat", "times": "2"}, "is of type 4"),
        ("hello", {"name": "cat", "age": 2}, "no such options"),
        ("draw", {"kind": "tiny"}, "no choice of 'kind'"),
        ("draw", {"upload": "a.png"}, "is of type 11"),
    ],
)
async def test_the_client_refuses_what_is_not_registered(
    name: str, options: dict[str, Any], why: str, server: FakeDiscord, bot: Bot, channel: Channel, ann: User
) -> None:
    """As Discord's own would, before the bot hears of it."""
    with pytest.raises(AssertionError, match=why):
        await server.slash(ann, channel, name, options)
    assert bot.seen == []


async def test_a_session_is_resumed_with_what_was_missed(
    server: FakeDiscord, bot: Bot, channel: Channel, ann: User
) -> None:
    """A hung-up client hears what happened meanwhile, once, without identifying anew."""
    await server.drop(4000)
    assert server.gateway_side.n_live == 0
    asked = await server.slash(ann, channel, "hello", {"name": "cat"})
    assert asked.n_dispatched == 0
    await asked.acked()
    assert (server.n_identifies, server.n_resumes, len(bot.seen)) == (1, 1, 1)
    await server.gateway_side.ask_to_reconnect()
    await server.until(lambda: server.n_resumes == 2)
    await (await server.slash(ann, channel, "hello", {"name": "dog"})).acked()
    assert (server.n_identifies, len(bot.seen)) == (1, 2)
    assert server.problems() == []


async def test_a_late_answer_is_refused(server: FakeDiscord, bot: Bot, channel: Channel, ann: User) -> None:
    """Three seconds after the dispatch the interaction is unknown, by the clock of the server."""
    bot.before_answer = lambda: server.pass_time(3.1)
    asked = await server.slash(ann, channel, "hello", {"name": "cat"})
    await server.until(lambda: bool(bot.errors))
    (error,) = bot.errors
    assert isinstance(error, discord.NotFound)
    assert error.code == 10062
    assert asked.acked_at is None
    assert asked.message is None


async def test_a_token_is_good_for_a_quarter_of_an_hour(
    server: FakeDiscord, bot: Bot, channel: Channel, ann: User
) -> None:
    """Then its webhook is refused, and the message can still be edited with the bot's own token."""
    asked = await (await server.slash(ann, channel, "hello", {"name": "cat"})).acked()
    original = bot.seen[0]
    with pytest.raises(discord.HTTPException) as twice:
        await original.client.http.request(
            Route("POST", f"/interactions/{asked.id}/{asked.token}/callback"), json={"type": 5}
        )
    assert twice.value.code == 40060
    server.pass_time(901)
    with pytest.raises(discord.HTTPException) as late:
        await original.edit_original_response(content="later")
    assert (late.value.status, late.value.code) == (401, 50027)
    assert asked.message
    await bot.get_partial_messageable(channel.id).get_partial_message(asked.message.id).edit(content="by token")
    assert texts(asked.message) == "by token"
    assert server.problems() == []


async def test_a_file_that_is_too_large_is_refused(
    server: FakeDiscord, bot: Bot, channel: Channel, ann: User, guild: Guild
) -> None:
    """By the limit of the server or of the place, which interactions tell."""
    guild.attachment_size_limit = 100
    asked = await server.slash(ann, channel, "draw", {"upload": server.upload("a.png", png(64))})
    await server.until(lambda: bool(bot.errors))
    (error,) = bot.errors
    assert isinstance(error, discord.HTTPException)
    assert (error.status, error.code) == (413, 40005)
    assert bot.seen[0].filesize_limit == 100
    assert asked.message
    assert asked.message.is_loading
    assert server.problems() == []


async def test_a_route_that_is_told_to_wait_waits(server: FakeDiscord, bot: Bot, channel: Channel, ann: User) -> None:
    """discord.py retries after the time that it is told, and nobody offends; one who does is written down."""
    server.next_fault("PATCH", "/webhooks/*/messages/@original", Fault.TOO_MANY, retry_after_s=0.2)
    asked = await server.slash(ann, channel, "draw")
    message = await asked.answered()
    assert len(message.attachments) == 1
    edits = [call.status for call in server.calls if call.method == "PATCH"]
    assert edits == [429, 200]
    assert server.offences == []
    server.next_fault("POST", "/channels/*/messages", Fault.TOO_MANY, retry_after_s=60)
    assert (await call(server, "POST", f"/channels/{channel.id}/messages", {"content": "x"})).status == 429
    server.pass_time(1)
    assert (await call(server, "POST", f"/channels/{channel.id}/messages", {"content": "x"})).status == 429
    assert len(server.offences) == 1
    assert server.problems() == []


async def test_limits_are_told_in_headers(server: FakeDiscord, bot: Bot, channel: Channel) -> None:
    """discord.py keeps to them by itself."""
    server.channel_limit = RateLimit(n_calls=2, per_s=0.2)
    place = bot.get_channel(channel.id)
    assert isinstance(place, discord.TextChannel)
    await asyncio.gather(*(place.send(str(number)) for number in range(4)))
    assert sorted(message.content for message in channel.messages) == ["0", "1", "2", "3"]
    assert server.offences == []
    assert server.problems() == []


async def test_a_nonce_posts_once(server: FakeDiscord, bot: Bot, channel: Channel) -> None:
    """As long as it is remembered: then the message is answered that has it, or nothing if that was deleted."""
    body = {"content": "x", "nonce": "n1", "enforce_nonce": True}
    path = f"/channels/{channel.id}/messages"
    first = await call(server, "POST", path, body)
    again = await call(server, "POST", path, body)
    assert first.body["id"] == again.body["id"]
    server.pass_time(200)
    later = await call(server, "POST", path, body)
    assert later.body["id"] != first.body["id"]
    await call(server, "DELETE", f"{path}/{later.body['id']}")
    assert (await call(server, "POST", path, body)).code == 10008
    assert (await call(server, "POST", path, {**body, "nonce": "n" * 26})).code == 50035
    assert len(channel.messages) == 2


async def test_a_lost_reply_is_a_deed_all_the_same(server: FakeDiscord, bot: Bot, channel: Channel, ann: User) -> None:
    """The edit is done, the client sees a broken connection."""
    server.next_fault("PATCH", "/webhooks/*/messages/@original", Fault.REPLY_LOST)
    asked = await server.slash(ann, channel, "draw")
    await server.until(lambda: bool(bot.errors))
    assert isinstance(bot.errors[0], aiohttp.ClientError)
    assert len((await asked.answered()).attachments) == 1


async def test_bad_weather_brings_every_trouble(server: FakeDiscord, channel: Channel) -> None:
    """A share of the calls meets each kind of trouble; what was refused for good stays refused."""
    server.weather.share, server.weather.refusals = 0.5, 0.3
    server.weather.stall_s = 0.01
    server.weather.retry_scale = 0.001
    path = f"/channels/{channel.id}/messages"
    for number in range(150):
        await call(server, "POST", path, {"content": "x", "nonce": str(number), "enforce_nonce": True})
    met = {each.fault for each in server.calls if each.fault}
    assert met == set(Fault)
    server.weather.share = 0.0
    for number in range(150):
        await asyncio.sleep(0)
        await call(server, "POST", path, {"content": "x", "nonce": str(number), "enforce_nonce": True})
    n_refused = sum(each.status in (403, 404) for each in server.calls[-150:])
    assert n_refused == len(server.refused) > 0
    assert len(channel.messages) == 150 - n_refused


async def test_interactions_come_twice_or_late_in_bad_weather(
    server: FakeDiscord, bot: Bot, channel: Channel, ann: User
) -> None:
    """Under one id, so that a bot can tell; and only the first answer is taken."""
    server.weather.share = 1.0
    asked = [await server.slash(ann, channel, "silence") for _ in range(12)]
    server.weather.share = 0.0
    await server.until(lambda: len({each.id for each in bot.seen}) == 12)
    heard = [each.id for each in bot.seen]
    assert len(heard) > 12
    assert list(dict.fromkeys(heard)) != [each.id for each in asked]


class Reply:
    """What a plain client was answered."""

    def __init__(self, status: int, body: Any, content_type: str) -> None:
        self.status, self.body, self.content_type = status, body, content_type
        self.code = body.get("code", 0) if isinstance(body, dict) else 0


async def call(
    server: FakeDiscord,
    method: str,
    path: str,
    body: Any = None,
    files: dict[str, bytes] | None = None,
    query: dict[str, str] | None = None,
) -> Reply:
    """Without any library's help; status 0: the connection broke."""
    headers = {"Authorization": f"Bot {server.token}"}
    form: Any = None
    if files:
        form = aiohttp.FormData(quote_fields=False)
        form.add_field("payload_json", json.dumps(body))
        for number, (name, content) in enumerate(files.items()):
            form.add_field(f"files[{number}]", content, filename=name, content_type="application/octet-stream")
    async with aiohttp.ClientSession(headers=headers) as session:
        try:
            async with session.request(
                method, server.api_base + path, json=None if files else body, data=form, params=query
            ) as reply:
                raw = await reply.read()
                return Reply(reply.status, json.loads(raw) if raw else None, reply.headers.get("Content-Type", ""))
        except aiohttp.ClientError:
            return Reply(0, None, "")


def text(content: str) -> dict[str, Any]:
    return {"type": 10, "content": content}


def press(custom_id: str, label: str = "x") -> dict[str, Any]:
    return {"type": 2, "style": 2, "custom_id": custom_id, "label": label}


def row(*children: dict[str, Any]) -> dict[str, Any]:
    return {"type": 1, "components": list(children)}


def pictures(*urls: str) -> dict[str, Any]:
    return {"type": 12, "items": [{"media": {"url": url}, "description": "alt"} for url in urls]}


def box(*children: dict[str, Any]) -> dict[str, Any]:
    return {"type": 17, "components": list(children)}


async def test_components_come_back_resolved(server: FakeDiscord, channel: Channel) -> None:
    """With ids and addresses; a file that a component shows is not among the attachments, as on Discord."""
    body = {"flags": V2, "components": [box(text("hi"), pictures("attachment://a.png"), row(press("b", "Go")))]}
    said = await call(server, "POST", f"/channels/{channel.id}/messages", body, {"a.png": PNG})
    assert said.status == 200
    assert said.content_type == "application/json"
    assert said.body["attachments"] == []
    inner = said.body["components"][0]["components"]
    assert inner[1]["items"][0]["media"]["url"] == channel.messages[0].attachments[0].url
    assert texts(channel.messages[0]) == "hi"
    assert [(each.description, each.url) for each in gallery(channel.messages[0])] == [("alt", "attachment://a.png")]
    path = f"/channels/{channel.id}/messages/{said.body['id']}"
    assert (await call(server, "PATCH", path, {"content": "x"})).code == 50035
    assert (await call(server, "PATCH", path, {"flags": 0})).code == 50035
    assert (await call(server, "PATCH", path, {"attachments": []})).code == 50035
    changed = await call(server, "PATCH", path, {"attachments": [], "components": [text("gone")]})
    assert changed.status == 200
    assert channel.messages[0].attachments == []
    assert server.problems() == []


@pytest.mark.parametrize(
    ("body", "where"),
    [
        ({"flags": V2, "content": "x", "components": [text("x")]}, "content"),
        ({"flags": V2, "embeds": [{"title": "x"}], "components": [text("x")]}, "embeds"),
        ({"flags": V2, "components": []}, "components"),
        ({"components": [text("x")]}, "components.0.type"),
        ({"content": "x" * 2001}, "content"),
        ({"flags": V2, "components": [text("x" * 2001), text("x" * 2000)]}, "components"),
        ({"flags": V2, "components": [text("x")] * 41}, "components"),
        ({"flags": V2, "components": [box(*[text("x")] * 40)]}, "components"),
        ({"flags": V2, "components": [row(press("a"), press("a"))]}, "components.0.components.1.custom_id"),
        ({"flags": V2, "components": [row(press("a" * 101))]}, "components.0.components.0.custom_id"),
        ({"flags": V2, "components": [row(*[press(str(n)) for n in range(6)])]}, "components.0.components"),
        ({"flags": V2, "components": [pictures(*["http://a.b/c"] * 11)]}, "components.0.items"),
        ({"flags": V2, "components": [pictures("attachment://no.png")]}, "components.0.items.0.media.url"),
        ({"flags": V2, "components": [box(box(text("x")))]}, "components.0.components.0.type"),
    ],
)
async def test_messages_that_break_a_rule_are_refused(
    body: dict[str, Any], where: str, server: FakeDiscord, channel: Channel
) -> None:
    """The answer says where."""
    said = await call(server, "POST", f"/channels/{channel.id}/messages", body)
    assert (said.status, said.code) == (400, 50035)
    place = said.body["errors"]
    for part in where.split("."):
        place = place[part]
    assert place["_errors"][0]["message"]
    assert channel.messages == []


async def test_attachments_are_kept_by_name_or_all(server: FakeDiscord, channel: Channel) -> None:
    """Those in the list stay, without a list all do, new ones come after them."""
    path = f"/channels/{channel.id}/messages"
    said = await call(server, "POST", path, {"content": "x"}, {"a.png": PNG, "b.png": PNG})
    message = channel.messages[0]
    await call(server, "PATCH", f"{path}/{message.id}", {}, {"c.png": PNG})
    assert [each.filename for each in message.attachments] == ["a.png", "b.png", "c.png"]
    keep = [{"id": said.body["attachments"][1]["id"]}, {"id": 0, "description": "new"}]
    await call(server, "PATCH", f"{path}/{message.id}", {"attachments": keep}, {"d.png": PNG})
    assert [(each.filename, each.description) for each in message.attachments] == [("b.png", ""), ("d.png", "new")]
    assert (await call(server, "PATCH", f"{path}/{message.id}", {"attachments": [{"id": "7"}]})).code == 50146
    assert [len(state.attachments) for state in message.history] == [2, 3, 2]


async def test_permissions_and_places_are_refused_by_name(server: FakeDiscord, guild: Guild, ann: User) -> None:
    """Each with the code that Discord gives."""

    async def code(channel: Channel, files: dict[str, bytes] | None = None) -> int:
        return (await call(server, "POST", f"/channels/{channel.id}/messages", {"content": "x"}, files)).code

    hidden = server.add_channel(guild, "hidden", app_permissions=0)
    silent = server.add_channel(guild, "silent", app_permissions=int(Permission.VIEW_CHANNEL))
    plain = server.add_channel(guild, "plain", app_permissions=BOT & ~Permission.ATTACH_FILES)
    forum = server.add_channel(guild, "forum", "forum")
    thread = server.add_channel(guild, "post", "thread", parent=forum)
    gone = server.add_channel(guild, "gone")
    server.delete_channel(gone)
    assert await code(hidden) == 50001
    assert await code(silent) == 50013
    assert await code(plain) == 0
    assert await code(plain, {"a.png": PNG}) == 50013
    assert await code(forum) == 40058
    assert await code(gone) == 10003
    assert await code(thread) == 0
    server.archive(thread)
    edit = await call(server, "PATCH", f"/channels/{thread.id}/messages/{thread.messages[0].id}", {"content": "y"})
    assert edit.code == 50083
    assert await code(thread) == 0
    assert not thread.is_archived
    server.archive(thread, is_locked=True)
    assert await code(thread) == 160005
    dm = await call(server, "POST", "/users/@me/channels", {"recipient_id": str(ann.id)})
    assert await code(server.channels[int(dm.body["id"])]) == 0
    ann.has_blocked_bot = True
    assert await code(server.dm(ann)) == 50007
    assert await code(server.add_private(ann, guild.owner)) == 50001
    assert server.problems() == []


async def test_history_is_empty_for_who_may_not_read_it(server: FakeDiscord, guild: Guild, channel: Channel) -> None:
    """Newest first, from where it was asked; without the permission an empty list, as Discord documents it."""
    path = f"/channels/{channel.id}/messages"
    ids = [(await call(server, "POST", path, {"content": str(n)})).body["id"] for n in range(5)]

    async def seen(**query: str) -> list[str]:
        return [each["content"] for each in (await call(server, "GET", path, query=query)).body]

    assert await seen() == ["4", "3", "2", "1", "0"]
    assert await seen(limit="2") == ["4", "3"]
    assert await seen(after=ids[1], limit="2") == ["3", "2"]
    assert await seen(before=ids[1]) == ["0"]
    assert await seen(around=ids[2], limit="3") == ["3", "2", "1"]
    guild.app_permissions = BOT & ~Permission.READ_MESSAGE_HISTORY
    assert await seen() == []
    assert (await call(server, "GET", f"{path}/{ids[0]}")).code == 50013
    server.rest.is_history_forbidden = True
    assert (await call(server, "GET", path)).code == 50001
    assert server.problems() == []


async def test_an_invited_bot_hears_of_the_server(server: FakeDiscord, bot: Bot, ann: User) -> None:
    """And may look up who invited it, where it may read the audit log."""
    guild = server.add_guild("new", ann)
    server.invite(guild, by=ann)
    await server.until(lambda: bot.joined == [guild.id])
    path = f"/guilds/{guild.id}/audit-logs"
    assert (await call(server, "GET", path)).code == 50013
    guild.app_permissions = ALL
    log = await call(server, "GET", path, query={"action_type": "28", "limit": "1"})
    assert log.body["audit_log_entries"][0]["user_id"] == str(ann.id)
    assert server.problems() == []


async def test_an_app_of_a_user_follows_up_five_times(
    server: FakeDiscord, bot: Bot, channel: Channel, ann: User, guild: Guild
) -> None:
    """Where it is not installed in the server; and where members may not bring apps, only they see the answers."""
    command = server.commands.registered()[0]
    command["integration_types"] = [0, 1]
    server.add_member(guild, ann, MANAGER & ~Permission.USE_EXTERNAL_APPS)
    asked = await (await server.slash(ann, channel, "hello", {"name": "cat"}, install="user")).acked()
    assert asked.ephemeral
    assert bot.seen[0].is_user_integration()
    path = f"/webhooks/{server.application_id}/{asked.token}"
    codes = [(await call(server, "POST", path, {"content": str(n)})).code for n in range(6)]
    assert codes == [0, 0, 0, 0, 0, 40094]
    assert [texts(message) for message in asked.followups] == ["0", "1", "2", "3", "4"]
    assert server.problems() == []


async def test_a_wrong_token_is_closed_out(server: FakeDiscord) -> None:
    """With 401 over REST, and code 4004 over the gateway, to which clients may send binary frames too."""
    headers = {"Authorization": "Bot wrong"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{server.api_base}/users/@me") as reply:
            assert reply.status == 401
        async with session.ws_connect(server.gateway) as socket:
            assert (await socket.receive_json())["op"] == 10
            identify = {"token": "wrong", "properties": {"os": "", "browser": "", "device": ""}, "intents": 1}
            await socket.send_bytes(json.dumps({"op": 2, "d": identify}).encode())
            assert (await socket.receive()).type is aiohttp.WSMsgType.CLOSE
            assert socket.close_code == 4004


async def test_commands_are_registered_by_the_rules(server: FakeDiscord) -> None:
    """Wrong ones are refused with the place; unchanged ones keep id and version."""
    path = f"/applications/{server.application_id}/commands"
    good = {"name": "a", "description": "b", "options": [{"type": 3, "name": "c", "description": "d"}]}
    first = await call(server, "PUT", path, [good])
    again = await call(server, "PUT", path, [good, {"name": "Menu", "type": 3}])
    assert first.body[0] == again.body[0]
    assert server.problems() == []
    late = {"type": 3, "name": "e", "description": "f", "required": True}
    for wrong in (
        {**good, "name": "A"},
        {**good, "description": ""},
        {**good, "options": [*good["options"], late]},
        {**good, "name_localizations": {"xx": "a"}},
    ):
        assert (await call(server, "PUT", path, [wrong])).code == 50035
    assert (await call(server, "PUT", path, [good, good])).code == 50035


async def test_what_breaks_the_specs_is_found(server: FakeDiscord, channel: Channel) -> None:
    """In requests that the server took all the same, also where one of nearly the same shape is right."""
    path = f"/channels/{channel.id}/messages"
    right = {"content": "x", "allowed_mentions": {"parse": ["roles"]}, "tts": False, "nonce": "n" * 25}
    await call(server, "POST", path, right)
    await call(server, "POST", path, {**right, "message_reference": {"message_id": "1", "fail_if_not_exists": False}})
    assert server.problems() == []
    await call(server, "POST", path, {**right, "allowed_mentions": {"parse": ["nobody"]}}, query={"wait": "1"})
    await call(server, "POST", path, {**right, "tts": 0})
    await call(server, "POST", path, {**right, "nonce": "n" * 26})
    found = server.problems()
    for problem in ("query wait", "allowed_mentions", "tts", "nonce"):
        assert any(problem in each for each in found), problem
