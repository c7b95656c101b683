"""Results find their way: after a restart, after fifteen minutes, past a channel that is gone, and once."""

import asyncio
from dataclasses import replace
from pathlib import Path

import pytest

from bot.platforms.discord import checking, deferrals
from bot.platforms.discord.platform import DiscordPlatform
from bot.platforms.discord.settings import DiscordSettings
from engine.errors import PlatformError, UserError
from tests.fakes.discord_houses import Scene, is_over, open_discord
from tests.fakes.discord_server import BOT, FakeDiscord, Fault, Interaction, Message, Permission, gallery, texts
from tests.fakes.studios import FakeStudio

SLOW = ("--step-s", "0.2")
QUARTER_OF_AN_HOUR_S = 16 * 60.0


def results(scene: Scene) -> list[Message]:
    """What people can see of pictures, wherever it is."""
    messages = [each for channel in scene.server.channels.values() for each in channel.messages]
    return [each for each in messages if not each.deleted and is_over(each)]


async def _uncollected(scene: Scene) -> None:
    """Until something of Ada's waits to be collected; the outbox tells nobody."""
    async with asyncio.timeout(20.0):
        while not await scene.house.store.outbox.uncollected(f"discord:{scene.ada.id}"):  # noqa: ASYNC110  # it tells nobody
            await asyncio.sleep(0.05)


async def test_after_a_restart_the_waiting_message_becomes_the_picture(tmp_path: Path) -> None:
    """The same message, by the token that stands in the database; once."""
    server = FakeDiscord()
    await server.start()
    try:
        async with open_discord(tmp_path, "--step-s", "60", server=server) as scene:
            message = await (await scene.slash("/imagine a red circle --seed 7")).answered()
        async with open_discord(tmp_path, server=server, is_open=False) as scene:
            await message.until(is_over, 20.0)
            assert gallery(message)[0].description == "a red circle (seed 7)"
            assert results(scene) == [message]
        assert server.problems() == []
    finally:
        await server.close()


async def test_after_fifteen_minutes_the_bots_own_token_edits_it(tmp_path: Path) -> None:
    """The interaction is over, its message is not."""
    async with open_discord(tmp_path, *SLOW) as scene:
        message = await (await scene.slash("/imagine a red circle --steps 12")).answered()
        scene.server.pass_time(QUARTER_OF_AN_HOUR_S)
        await message.until(is_over, 20.0)
        assert gallery(message)
        assert scene.server.problems() == []


async def test_a_message_that_somebody_deleted_is_posted_anew(tmp_path: Path) -> None:
    """With the request's name as nonce."""
    async with open_discord(tmp_path, *SLOW) as scene:
        message = await (await scene.slash("/imagine a red circle --steps 12")).answered()
        scene.server.pass_time(QUARTER_OF_AN_HOUR_S)
        scene.server.delete_message(message)
        await scene.server.until(lambda: bool(results(scene)), 20.0)
        [posted] = results(scene)
        assert posted.channel is scene.channel
        assert posted.nonce


async def test_where_the_channel_is_gone_it_comes_by_direct_message(tmp_path: Path) -> None:
    """And where that is closed too, /collect has it."""
    async with open_discord(tmp_path, *SLOW) as scene:
        other = scene.server.add_channel(scene.guild, "short-lived")
        asked = await scene.slash("/imagine a red circle --steps 12", channel=other)
        await asked.answered()
        scene.server.pass_time(QUARTER_OF_AN_HOUR_S)
        scene.server.delete_channel(other)
        await scene.server.until(lambda: bool(scene.server.dm(scene.ada).messages), 20.0)
        assert gallery(scene.server.dm(scene.ada).messages[0])


async def test_what_cannot_be_delivered_waits_to_be_collected(tmp_path: Path) -> None:
    """Blocked, and no channel left: the picture is kept, and shown where it is asked for."""
    async with open_discord(tmp_path, *SLOW) as scene:
        other = scene.server.add_channel(scene.guild, "short-lived")
        scene.ada.has_blocked_bot = True
        await (await scene.slash("/imagine a red circle --steps 12", channel=other)).answered()
        scene.server.pass_time(QUARTER_OF_AN_HOUR_S)
        scene.server.delete_channel(other)
        await _uncollected(scene)
        told = await (await scene.slash("/collect")).answered()
        assert "could not be delivered" in texts(told)
        await scene.server.until(lambda: bool(results(scene)), 20.0)
        assert results(scene)[0].channel is scene.channel


@pytest.mark.parametrize("fault", [Fault.REPLY_LOST, Fault.RESET, Fault.BROKEN_AFTER, Fault.BROKEN_BEFORE])
async def test_an_answer_that_is_lost_doubles_nothing(tmp_path: Path, fault: Fault) -> None:
    """Of the edit that shows the picture, and of a post after the token has died."""
    async with open_discord(tmp_path, *SLOW) as scene:
        message = await (await scene.slash("/imagine a red circle --steps 12")).answered()
        scene.server.pass_time(QUARTER_OF_AN_HOUR_S)
        scene.server.delete_message(message)
        scene.server.next_fault("POST", "/channels/*/messages", fault)
        await scene.server.until(lambda: bool(results(scene)), 30.0)
        await scene.house.teller.settle(5.0)
        assert len(results(scene)) == 1


async def test_private_pictures_with_closed_direct_messages_are_collected_by_the_asker_alone(tmp_path: Path) -> None:
    """They read that it did not come, and /collect shows it in the channel to nobody else."""
    async with open_discord(tmp_path) as scene:
        setting = {"scope": "server", "key": "visibility", "value": "private"}
        await (await scene.server.slash(scene.operator, scene.channel, "settings", setting)).answered()
        scene.ada.has_blocked_bot = True
        asked = await scene.slash("/imagine a red circle --seed 7")
        await scene.server.until(lambda: "/collect" in texts(asked.message) if asked.message else False, 20.0)
        await _uncollected(scene)
        await (await scene.slash("/collect")).answered()
        messages = scene.server.messages.values()
        await scene.server.until(lambda: any(map(is_over, messages)), 20.0)
        [shown] = filter(is_over, messages)
        assert shown.is_ephemeral
        assert shown.seen_by is scene.ada
        assert gallery(shown)
        assert not await scene.house.store.outbox.uncollected(f"discord:{scene.ada.id}")


async def test_where_the_bot_is_not_what_was_missed_is_collected_through_the_command(tmp_path: Path) -> None:
    """Its token is all there is; direct messages are closed."""
    async with open_discord(tmp_path, *SLOW) as scene:
        scene.ada.has_blocked_bot = True
        asked = await _ask_elsewhere(scene)
        await asked.answered()
        scene.server.pass_time(QUARTER_OF_AN_HOUR_S)
        await _uncollected(scene)
        await (await scene.server.slash(scene.ada, asked.channel, "collect", install="user")).answered()
        messages = scene.server.messages.values()
        await scene.server.until(lambda: any(map(is_over, messages)), 20.0)
        assert [each.channel for each in messages if is_over(each)] == [asked.channel]


async def test_where_direct_messages_take_less_than_the_server_they_get_less(tmp_path: Path) -> None:
    """A boosted server said a hundred MiB, and the channel is gone."""
    async with open_discord(tmp_path, *SLOW) as scene:
        scene.server.attachment_size_limit = 100 * 2**20
        other = scene.server.add_channel(scene.guild, "short-lived")
        await (await scene.slash("/imagine a red circle --steps 12 --size 512x512", channel=other)).answered()
        scene.server.attachment_size_limit = 30_000
        scene.server.pass_time(QUARTER_OF_AN_HOUR_S)
        scene.server.delete_channel(other)
        await scene.server.until(lambda: bool(results(scene)), 20.0)
        [shown] = results(scene)
        assert 0 < shown.attachments[0].size < 30_000


async def test_a_large_picture_goes_down_the_ladder(tmp_path: Path) -> None:
    """Within what the place takes; the recipe stays in it."""
    async with open_discord(tmp_path) as scene:
        scene.server.attachment_size_limit = 60_000
        message = await scene.drawn("/imagine a red circle --seed 7 --size 512x512")
        [file] = message.attachments
        assert file.size < 60_000
        assert b"a red circle" in file.content or file.filename.endswith(".webp")


async def test_a_place_that_takes_less_than_it_said_gets_less(tmp_path: Path) -> None:
    """413 is answered with a smaller file, not given up."""
    async with open_discord(tmp_path) as scene:
        asked = await scene.slash("/imagine a red circle --seed 7 --size 512x512")
        scene.server.attachment_size_limit = 40_000
        message = await scene.end_of(asked)
        assert message.attachments[0].size < 40_000


async def test_a_slow_commit_is_answered_with_thinking_first(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Which then becomes the message; the journal knows of it in between, and not any more after."""
    async with open_discord(tmp_path, *SLOW) as scene:
        add = scene.house.store.requests.add

        async def slowly(*given: object) -> object:
            await asyncio.sleep(2.0)
            return await add(*given)  # type: ignore[arg-type]  # passed on

        monkeypatch.setattr(scene.house.store.requests, "add", slowly)
        asked = await scene.slash("/imagine a red circle")
        await asked.acked()
        assert asked.response_type == 5
        assert str(asked.id) in (tmp_path / deferrals.FILE_NAME).read_text()
        message = await scene.end_of(asked)
        assert gallery(message)
        assert await deferrals.Deferrals(tmp_path).left() == {}


async def test_who_was_told_thinking_and_no_more_reads_why_after_a_kill(tmp_path: Path) -> None:
    """A request that was never taken in does not stay "thinking" for a quarter of an hour."""
    server = FakeDiscord()
    await server.start()
    try:
        async with open_discord(tmp_path, server=server) as scene:
            scene.platform.client.dispatch = lambda *_, **__: None  # type: ignore[method-assign]  # it hears nothing
            asked = await scene.slash("/imagine a red circle")
            await scene.platform.calls.reply(asked.id, asked.token, 5, {})
            await deferrals.Deferrals(tmp_path).note(asked.id, asked.token)
        async with open_discord(tmp_path, server=server, is_open=False):
            message = await asked.answered()
            assert "Please ask again" in texts(message)
    finally:
        await server.close()


async def test_a_dropped_connection_is_resumed_and_nothing_is_done_twice(tmp_path: Path) -> None:
    """Events that are told again after it are the same events."""
    async with open_discord(tmp_path) as scene:
        await scene.server.drop(4000)
        asked = await scene.slash("/imagine a red circle")
        message = await scene.end_of(asked)
        assert scene.server.n_resumes + scene.server.n_identifies > 1
        assert results(scene) == [message]


async def test_an_operators_server_is_let_in_and_greeted(tmp_path: Path) -> None:
    """With three examples; a stranger's is told how it would be."""
    async with open_discord(tmp_path) as scene:
        await scene.platform.client.wait_until_ready()  # what comes before is no news to discord.py
        theirs = scene.server.add_guild("theirs", scene.operator, has_bot=False)
        hall = scene.server.add_channel(theirs, "hall")
        scene.server.invite(theirs, scene.operator)
        await scene.server.until(lambda: bool(hall.messages), 10.0)
        assert texts(hall.messages[0]).count("/imagine") == 3
        assert gallery(await scene.end_of(await scene.slash("/imagine a star", channel=hall)))
        stranger = scene.server.add_user("stranger")
        strange = scene.server.add_guild("strange", stranger, has_bot=False)
        lobby = scene.server.add_channel(strange, "lobby")
        scene.server.invite(strange, stranger)
        await scene.server.until(lambda: bool(lobby.messages), 10.0)
        assert "/allow here" in texts(lobby.messages[0])
        refused = await (await scene.slash("/imagine a star", channel=lobby)).answered()
        assert "private" in texts(refused)


async def test_a_server_that_took_us_in_while_we_were_away_is_greeted_at_the_next_start(tmp_path: Path) -> None:
    """Once; Discord tells nobody of it."""
    server = FakeDiscord()
    await server.start()
    try:
        async with open_discord(tmp_path, server=server) as scene:
            await scene.server.ready()
        theirs = server.add_guild("theirs", server.owner, has_bot=True)
        hall = server.add_channel(theirs, "hall")
        for _ in range(2):
            async with open_discord(tmp_path, server=server, is_open=False) as scene:
                await server.until(lambda: bool(hall.messages), 10.0)
                assert gallery(await scene.end_of(await scene.slash("/imagine a star", scene.operator, hall)))
        assert [texts(each).count("/imagine") for each in hall.messages if not is_over(each)] == [3]
    finally:
        await server.close()


async def test_a_gateway_that_cannot_be_asked_for_is_asked_for_again(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A good login and then no gateway ended Discord for this run of the bot."""
    monkeypatch.setattr("bot.platforms.discord.platform.AGAIN_AFTER_S", 0.05)
    server = FakeDiscord()
    await server.start()
    settings = DiscordSettings(token=server.token, api_base=server.api_base, gateway=server.gateway)
    platform = _lonely(tmp_path, settings)
    server.next_fault("GET", "/gateway/bot", Fault.REFUSED, n=2)
    try:
        await platform.start()
        await server.until(lambda: platform.client.is_ready(), 20.0)  # noqa: PLW0108  # another client by then
        assert platform.trouble == ""
        await server.drop(4004)  # the token is not known any more: no other try would be taken
        await server.until(lambda: "Reset Token" in platform.trouble)
        assert server.n_identifies == 1
    finally:
        await platform.close()
        await server.close()


async def test_roles_carry_tiers_and_managers_are_admins_of_their_server(tmp_path: Path) -> None:
    """Asked of Discord in each event: whoever manages the server may, and nobody else."""
    async with open_discord(tmp_path) as scene:
        role = scene.server.add_role(scene.guild, "patrons", members=(scene.ada,))
        manager = scene.server.add_user("mona")
        scene.server.add_member(
            scene.guild, manager, int(Permission.MANAGE_GUILD) | scene.guild.member(manager).permissions
        )
        limit = {"action": "set", "who": f"<@&{role.id}>", "key": "daily", "value": "0"}
        await (await scene.server.slash(scene.operator, scene.channel, "quota", limit)).answered()
        refused = await (await scene.slash("/imagine a star")).answered()
        assert "today" in texts(refused)
        banned = await scene.server.slash(
            manager, scene.channel, "ban", {"who": f"<@{scene.ada.id}>", "reason": "floods"}
        )
        assert "banned" in texts(await banned.answered())
        whole = {"scope": "server", "key": "allowed", "value": "no"}
        told = await scene.server.slash(manager, scene.channel, "settings", whole)
        assert "/settings place allowed no" in texts(await told.answered())
        lifted = await scene.server.slash(manager, scene.channel, "unban", {"who": f"<@{scene.ada.id}>"})
        assert "no longer banned" in texts(await lifted.answered())


async def test_a_wrong_token_is_one_sentence(tmp_path: Path) -> None:
    """That says where to get a right one; the others go on without it."""
    server = FakeDiscord()
    await server.start()
    platform = _lonely(tmp_path, DiscordSettings(token="wrong.token.altogether", api_base=server.api_base))
    try:
        with pytest.raises(UserError, match="Reset Token"):
            await platform.start()
    finally:
        await platform.close()
        await server.close()


async def test_without_a_network_it_keeps_trying(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """One sentence now; and when Discord is there, so are we."""
    monkeypatch.setattr("bot.platforms.discord.platform.AGAIN_AFTER_S", 0.05)
    server = FakeDiscord()
    await server.start()
    settings = DiscordSettings(token=server.token, api_base=server.api_base, gateway=server.gateway)
    platform = _lonely(tmp_path, settings)
    server.next_fault("GET", "/users/@me", Fault.DROPPED, n=4)  # aiohttp itself asks again once
    try:
        with pytest.raises(PlatformError, match="cannot be reached"):
            await platform.start()
        await server.ready()
        assert platform.trouble == ""
        assert "client_id" in platform.lines[0]
    finally:
        await platform.close()
        await server.close()


async def test_the_menu_is_sent_once(tmp_path: Path) -> None:
    """And again when it has changed."""
    server = FakeDiscord()
    await server.start()
    try:
        async with open_discord(tmp_path, server=server):
            pass
        async with open_discord(tmp_path, server=server, is_open=False):
            pass
        assert sum(call.method == "PUT" for call in server.calls) == 1
        async with open_discord(tmp_path, server=server, is_open=False, user_install=False):
            pass
        assert sum(call.method == "PUT" for call in server.calls) == 2
    finally:
        await server.close()


def _lonely(tmp_path: Path, settings: DiscordSettings) -> DiscordPlatform:
    """The adapter with nothing behind it."""
    return DiscordPlatform(FakeStudio(), None, settings, tmp_path)  # type: ignore[arg-type]  # it only logs in


async def test_the_doctor_knows_whose_token_it_is(tmp_path: Path) -> None:
    """And where to add it to a server, with no more rights than it needs; or that it is wrong."""
    server = FakeDiscord()
    await server.start()
    settings = DiscordSettings(token=server.token, api_base=server.api_base, gateway=server.gateway)
    try:
        found = await checking.account(settings)
        assert found.name.startswith("darkroom")
        assert f"client_id={server.application_id}" in found.invite
        assert "permissions=274878008320" in found.invite
        with pytest.raises(UserError, match="Reset Token"):
            await checking.account(replace(settings, token="wrong.token.altogether"))
    finally:
        await server.close()


async def test_a_post_whose_fate_cannot_be_looked_up_is_not_made_again(tmp_path: Path) -> None:
    """Without the right to read back, Discord says that a channel is empty; after a restart that proves nothing."""
    server = FakeDiscord()
    await server.start()
    try:
        guild = server.add_guild("home", server.owner)
        guild.app_permissions = guild.roles[guild.id].permissions = int(BOT & ~Permission.READ_MESSAGE_HISTORY)
        async with open_discord(tmp_path, *SLOW, server=server) as scene:
            message = await (await scene.slash("/imagine a red circle --steps 12")).answered()
            request = texts(message).rpartition("-# ")[2].partition(" ")[0]
            server.pass_time(QUARTER_OF_AN_HOUR_S)
            server.delete_message(message)
            server.next_fault("POST", "/channels/*/messages", Fault.STALLED)
            server.weather.stall_s = 60.0
            await server.until(lambda: bool(results(scene)), 20.0)  # it is there, and we do not know
        async with open_discord(tmp_path, server=server, is_open=False) as scene:
            async with asyncio.timeout(20.0):
                while await scene.house.store.outbox.unknown():  # noqa: ASYNC110  # the outbox tells nobody
                    await asyncio.sleep(0.05)
            assert len(results(scene)) == 1
            assert request in await scene.house.store.outbox.uncollected(f"discord:{scene.ada.id}")
    finally:
        await server.close()


async def _ask_elsewhere(scene: Scene) -> Interaction:
    """In a server that the bot is not in, and Ada has it with her."""
    server = scene.server
    strange = server.add_guild("elsewhere", server.add_user("zoe"), has_bot=False)
    channel = server.add_channel(strange, "talk")
    allowed = await server.slash(scene.operator, scene.channel, "allow", {"who": "everyone"})
    await allowed.answered()
    return await server.slash(scene.ada, channel, "imagine", {"prompt": "a red circle --steps 12"}, install="user")


async def test_a_result_that_may_stand_where_the_bot_is_not_is_not_shown_again(tmp_path: Path) -> None:
    """The token that edited it there has died, and nobody can look: it waits for /collect."""
    server = FakeDiscord()
    await server.start()
    try:
        async with open_discord(tmp_path, *SLOW, server=server) as scene:
            message = await (await _ask_elsewhere(scene)).answered()
            request = texts(message).rpartition("-# ")[2].partition(" ")[0]
            server.next_fault("PATCH", "/webhooks/*", Fault.STALLED, n=99)
            server.weather.stall_s = 60.0
            await message.until(is_over, 20.0)  # it is there, and we do not know
        server.pass_time(QUARTER_OF_AN_HOUR_S)
        async with open_discord(tmp_path, server=server, is_open=False) as scene:
            async with asyncio.timeout(20.0):
                while await scene.house.store.outbox.unknown():  # noqa: ASYNC110  # the outbox tells nobody
                    await asyncio.sleep(0.05)
            assert results(scene) == [message]
            assert request in await scene.house.store.outbox.uncollected(f"discord:{scene.ada.id}")
    finally:
        await server.close()


async def test_a_post_that_got_lost_where_the_bot_is_not_is_looked_for_and_made_again(tmp_path: Path) -> None:
    """The token had died before: it is to come by direct message, where we may look."""
    async with open_discord(tmp_path, *SLOW) as scene:
        await (await _ask_elsewhere(scene)).answered()
        scene.server.pass_time(QUARTER_OF_AN_HOUR_S)
        scene.server.next_fault("POST", "/channels/*/messages", Fault.DROPPED, n=2)  # aiohttp asks again once
        await scene.server.until(lambda: bool(results(scene)), 30.0)
        await scene.house.teller.settle(5.0)
        assert [each.channel for each in results(scene)] == [scene.server.dm(scene.ada)]
