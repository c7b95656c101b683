"""A little of each campaign (`make crash-campaign`, `disk-campaign`, `delivery-campaign`): the same, shorter."""

import io
import re
import shutil
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from storage.records import DeliveryKind, State
from storage.store import open_store
from tests.campaigns import audit, deliveries
from tests.campaigns.discord_sight import DiscordSight
from tests.campaigns.ground import Ground
from tests.campaigns.telegram_sight import TelegramSight
from tests.fakes import remembered
from tests.fakes.discord_calls import Call
from tests.fakes.discord_server import Channel, FakeDiscord, Message
from tests.fakes.telegram_calls import Call as TelegramCall
from tests.fakes.telegram_content import Content
from tests.fakes.telegram_server import FakeTelegram

ROOT = Path(__file__).parents[2]
RESULT = re.compile(r"acknowledged=(\d+) lost=0 doubled=0 ambiguous=\d+ integrity_errors=0")
DELIVERED = re.compile(r"deliveries=(\d+) lost=0 doubled=0 ambiguous=\d+ refused=\d+ offences=0")


def campaign(name: str, *options: str, result: re.Pattern[str] = RESULT) -> str:
    """What a campaign says, which must end well."""
    command = [sys.executable, "-m", f"tests.campaigns.{name}", *options]
    ran = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False, timeout=100)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    found = result.fullmatch(ran.stdout.splitlines()[-1])
    assert found, ran.stdout
    assert int(found[1]) > 0
    return ran.stdout


def test_ten_kills_lose_and_double_nothing(tmp_path: Path) -> None:
    """One in each phase of a request's way, one in a migration, one at any time; chats misbehave meanwhile."""
    said = campaign("crash", "--points", "11", "--seed", "7", "--keep", str(tmp_path))
    for phase in ("ingest", "commit", "admit", "draw", "store", "deliver", "finish", "migrate"):
        assert re.search(rf"\b{phase} \d", said), said


@pytest.mark.skipif(shutil.which("gcc") is None, reason="the shim under SQLite is built with gcc")
def test_a_disk_that_fails_now_and_then_loses_nothing(tmp_path: Path) -> None:
    """Every 67th write fails below SQLite, in a start and later, on a new database and on an old one."""
    options = ("--first", "3", "--points", "450", "--every", "67", "--seed", "7", "--no-full")
    assert "lived on" in campaign("disk", *options, "--keep", str(tmp_path))


@pytest.mark.parametrize(
    ("platform", "n", "every", "seed"),
    [("discord", 100, 15, 47), ("telegram", 40, 12, 181)],
    ids=["discord", "telegram"],
)
def test_deliveries_in_bad_weather_lose_and_double_nothing(
    platform: str, n: int, every: int, seed: int, tmp_path: Path
) -> None:
    """The real adapters on the fake chats; the bot is stopped, killed and told things twice meanwhile."""
    options = ("--platform", platform, "--n", str(n), "--seed", str(seed), "--every", str(every), "--open", "24")
    said = campaign("delivery", *options, "--keep", str(tmp_path), result=DELIVERED)
    assert re.search(r"stop [1-9], kill [1-9]", said)


def test_what_telegram_tells_while_the_bot_is_killed_is_taken_care_of(tmp_path: Path) -> None:
    """Two kills at seeded moments of intake; what was told to a life that ended is told or found again."""
    campaign("ingest", "--updates", "30", "--kills", "2", "--seed", "7", "--keep", str(tmp_path), result=DELIVERED)


async def test_the_count_of_deliveries_sees_what_is_lost_and_doubled(tmp_path: Path) -> None:
    """Of three that ended one is seen twice, one nowhere, one was refused; and somebody was told of a fourth."""
    async with open_store(tmp_path) as store:
        for number in range(3):
            request = replace(remembered.request(request_id=f"request{number}"), reply_to="1;;0;7")
            await store.requests.add(request, [remembered.job(request)])
            await store.requests.end(request.id, State.FAILED, "The paint ran out.")
        await store.outbox.sending("request2", DeliveryKind.RESULT)
        await store.outbox.dead("request2", DeliveryKind.RESULT, "They blocked us.")
    sight = DiscordSight(FakeDiscord(), "1")
    place, twice = Channel(id=1, kind="text"), [{"type": 2, "custom_id": "delete:request0"}]
    for number, parts in enumerate((twice, twice, [{"type": 2, "custom_id": "cancel:nobody"}])):
        Message(id=number, channel=place, author=sight.server.bot, world=sight.server, components=parts).remember()
    refused = Call(method="POST", path="/channels/1/messages", query={}, content_type="", at_s=0.0, status=403)
    refused.body = {"nonce": "request2r"}
    sight.server.calls.append(refused)
    sight.drain()
    counted = deliveries.count(tmp_path, sight)
    assert (counted.deliveries, counted.lost, counted.doubled, counted.refused) == (4, 2, 1, 1)
    assert not counted.is_good


async def test_the_count_sees_the_same_on_telegram(tmp_path: Path) -> None:
    """Of three that ended one is seen twice, one nowhere, one was refused; and a file is none of the request's."""
    async with open_store(tmp_path) as store:
        for number in range(3):
            reply_to = f"1;telegram:7;telegram:7;7;-;{number + 10};0"
            request = replace(remembered.request(request_id=f"request{number}"), reply_to=reply_to)
            await store.requests.add(request, [remembered.job(request)])
            await store.requests.end(request.id, State.FAILED, "The paint ran out.")
        await store.outbox.sending("request2", DeliveryKind.RESULT)
        await store.outbox.dead("request2", DeliveryKind.RESULT, "They blocked us.")
    server = FakeTelegram()
    sight = TelegramSight(server, "1")
    chat = server.private(server.add_user("ada"))
    for data in ("delete:request0", "delete:request0", "cancel:nobody"):
        keys = {"inline_keyboard": [[{"text": "x", "callback_data": data}]]}
        server.new_message(chat, server.bot, Content(text="x", markup=keys)).keep()
    photo = io.BytesIO()
    Image.new("RGB", (8, 8)).save(photo, "PNG")
    chat.messages[1].change("x", [], server.files_side.photo(photo.getvalue()), chat.messages[1].markup)
    refused = {"chat_id": "7", "reply_parameters": '{"message_id": 12}'}
    server.calls.append(TelegramCall(method="sendPhoto", token="", at_s=0.0, form=refused, status=403))
    sight.drain()
    counted = deliveries.count(tmp_path, sight)
    assert (counted.deliveries, counted.lost, counted.doubled, counted.refused) == (4, 2, 1, 1)
    assert any("request0 shows 1 files" in wrong for wrong in counted.wrongs)
    assert not counted.is_good


async def test_the_count_sees_what_is_lost_doubled_and_left_over(tmp_path: Path) -> None:
    """Three requests that ended: one is shown twice, two nowhere, and all are still to be told."""
    ground = Ground(tmp_path / "ground", seed="1")
    await ground.open(n_old=1)
    async with open_store(ground.data_dir) as store:
        for request, _ in await store.requests.unfinished():
            await store.requests.end(request.id, State.FAILED, "The paint ran out.")
    shown = {"chat": "c0", "answers": "1", "request": "r", "state": "failed", "text": "The paint ran out.", "files": []}
    for nonce in ("one", "two"):
        ground.servers["posts"]._say({"nonce": nonce, **shown})
    counted = audit.tally(ground.data_dir, ground.servers)
    assert (counted.acknowledged, counted.lost, counted.doubled) == (3, 2, 1)
    assert any("still to be told" in wrong for wrong in counted.wrongs)
    assert not counted.is_good
    await ground.close()
