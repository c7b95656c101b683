"""The fake Telegram as python-telegram-bot meets it: a small bot of its own, on real sockets, in this process."""

import asyncio
import io
import json
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, field
from typing import Any

import aiohttp
import pytest
import telegram
from aiohttp import web
from PIL import Image
from telegram import (
    BotCommand,
    BotCommandScopeAllGroupChats,
    BotCommandScopeChatAdministrators,
    CopyTextButton,
    InlineKeyboardButton,
    InlineKeyboardMarkup,
    InlineQueryResultArticle,
    InlineQueryResultCachedPhoto,
    InputMediaDocument,
    InputMediaPhoto,
    InputTextMessageContent,
    MessageEntity,
    ReplyParameters,
    Update,
)
from telegram.error import (
    BadRequest,
    ChatMigrated,
    Conflict,
    Forbidden,
    InvalidToken,
    NetworkError,
    RetryAfter,
    TelegramError,
    TimedOut,
)
from telegram.ext import (
    Application,
    CallbackQueryHandler,
    CommandHandler,
    ContextTypes,
    InlineQueryHandler,
    MessageHandler,
    filters,
)
from telegram.request import HTTPXRequest

from tests.fakes.telegram_message import Message
from tests.fakes.telegram_server import (
    Chat,
    FakeTelegram,
    Fault,
    FloodLimits,
    Mishap,
    RateLimit,
    User,
    button,
    buttons,
    texts,
)

Context = ContextTypes.DEFAULT_TYPE


def png(width_px: int = 8, height_px: int = 8, colour: str = "red", **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width_px, height_px), colour).save(out, "PNG", **more)
    return out.getvalue()


def keyboard(*data: str) -> InlineKeyboardMarkup:
    return InlineKeyboardMarkup([[InlineKeyboardButton(each.capitalize(), callback_data=each) for each in data]])


@dataclass
class Bot:
    """Answers a few commands; what it was told is in `seen`, errors of its handlers in `errors`."""

    app: Any
    seen: list[Update] = field(default_factory=list)
    errors: list[BaseException] = field(default_factory=list)
    files: list[bytes] = field(default_factory=list)

    def add_handlers(self) -> None:
        self.app.add_handler(MessageHandler(filters.ALL, self._see), group=-1)
        self.app.add_handler(CommandHandler("hello", self._hello))
        self.app.add_handler(CommandHandler("draw", self._draw))
        self.app.add_handler(MessageHandler(filters.PHOTO | filters.Document.ALL, self._fetch))
        self.app.add_handler(CallbackQueryHandler(self._pressed))
        self.app.add_handler(InlineQueryHandler(self._asked_inline))
        self.app.add_error_handler(self._failed)

    async def _see(self, update: Update, _context: Context) -> None:
        self.seen.append(update)

    async def _failed(self, _update: object, context: Context) -> None:
        assert context.error
        self.errors.append(context.error)

    async def _hello(self, update: Update, context: Context) -> None:
        assert update.effective_message
        markup = InlineKeyboardMarkup(
            [
                [InlineKeyboardButton("Again", callback_data="again", style="primary")],
                [InlineKeyboardButton("Copy", copy_text=CopyTextButton("42"))],
            ]
        )
        said = f"hello {' '.join(context.args or [])}"
        await update.effective_message.reply_text(said, reply_markup=markup, do_quote=True)

    async def _draw(self, update: Update, _context: Context) -> None:
        assert update.effective_message
        placed = await update.effective_message.reply_text("queued", reply_markup=keyboard("cancel"), do_quote=True)
        await placed.edit_text("drawing", reply_markup=keyboard("cancel"))
        await placed.edit_media(InputMediaPhoto(png(1600, 800), caption="a cat", has_spoiler=True))

    async def _fetch(self, update: Update, _context: Context) -> None:
        message = update.effective_message
        assert message
        file = await (message.photo[-1] if message.photo else message.effective_attachment).get_file()  # type: ignore[union-attr]
        self.files.append(bytes(await file.download_as_bytearray()))

    async def _pressed(self, update: Update, _context: Context) -> None:
        query = update.callback_query
        assert query
        self.seen.append(update)
        await query.answer(f"pressed {query.data}", show_alert=True, cache_time=60 if query.data == "again" else 0)

    async def _asked_inline(self, update: Update, _context: Context) -> None:
        assert update.inline_query
        words = InputTextMessageContent(f"drawing {update.inline_query.query}")
        await update.inline_query.answer(
            [InlineQueryResultArticle("1", "Draw", words, reply_markup=keyboard("wait"))], cache_time=0
        )


@pytest.fixture(autouse=True)
def _timedeltas(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without this PTB warns whenever it makes a RetryAfter, and warnings are errors here."""
    monkeypatch.setenv("PTB_TIMEDELTA", "true")


@pytest.fixture
async def server() -> AsyncIterator[FakeTelegram]:
    fake = FakeTelegram()
    await fake.start()
    yield fake
    await fake.close()


@pytest.fixture
def ann(server: FakeTelegram) -> User:
    return server.add_user("ann", language="de")


@pytest.fixture
def chat(server: FakeTelegram, ann: User) -> Chat:
    """Ann has talked to the bot long ago."""
    ann.has_started = ann.is_known = True
    return server.private(ann)


def plain() -> HTTPXRequest:
    """Without certificates, which take longer to load than a test takes."""
    return HTTPXRequest(connection_pool_size=8, httpx_kwargs={"verify": False, "trust_env": False})


def client(server: FakeTelegram, token: str = "") -> telegram.Bot:
    base = server.api_base
    return telegram.Bot(
        token or server.token,
        base_url=f"{base}/bot",
        base_file_url=f"{base}/file/bot",
        request=plain(),
        get_updates_request=plain(),
    )


@pytest.fixture
async def api(server: FakeTelegram) -> AsyncIterator[telegram.Bot]:
    """The methods alone: nobody polls."""
    async with client(server) as made:
        yield made


@pytest.fixture
async def bot(server: FakeTelegram) -> AsyncIterator[Bot]:
    """Polling, with its handlers."""
    builder = Application.builder().token(server.token).base_url(f"{server.api_base}/bot")
    builder = builder.base_file_url(f"{server.api_base}/file/bot").request(plain()).get_updates_request(plain())
    app = builder.build()
    made = Bot(app)
    made.add_handlers()
    await app.initialize()
    await app.start()
    assert app.updater
    await app.updater.start_polling(timeout=10, poll_interval=0.0)
    await server.ready()
    yield made
    await app.updater.stop()
    await app.stop()
    await app.shutdown()


async def raw(server: FakeTelegram, method: str, **fields: Any) -> tuple[int, Any]:
    """One call as JSON, without any library."""
    url = f"{server.api_base}/bot{server.token}/{method}"
    async with aiohttp.ClientSession() as session, session.post(url, json=fields) as reply:
        return reply.status, await reply.json()


def methods(server: FakeTelegram) -> list[str]:
    return [call.method for call in server.calls if call.method != "getUpdates"]


# Polling


async def test_a_bot_logs_in_and_listens(server: FakeTelegram, bot: Bot) -> None:
    """getMe, deleteWebhook and a call that waits; nothing of it against the spec."""
    assert methods(server) == ["getMe", "deleteWebhook"]
    assert server.updates.is_polled
    assert (bot.app.bot.id, bot.app.bot.username) == (server.bot.id, server.bot.username)
    assert server.problems() == []


async def test_a_command_is_answered(server: FakeTelegram, bot: Bot, chat: Chat, ann: User) -> None:
    """The message and its buttons are there to be looked at, and the update is confirmed by the next poll."""
    asked = await server.send(ann, chat, "/hello to 🐈 you")
    message = await server.answer_to(asked)
    assert texts(message) == "hello to 🐈 you"
    assert [(each["text"], each["callback_data"], each["copy_text"]) for each in buttons(message)] == [
        ("Again", "again", None),
        ("Copy", None, "42"),
    ]
    assert button(message, "Again")["style"] == "primary"
    await server.until(lambda: asked.update.confirmed_at is not None)
    assert len(asked.update.told_at) == 1
    assert bot.seen[0].effective_user
    assert bot.seen[0].effective_user.language_code == "de"
    assert server.problems() == []


async def test_a_text_becomes_a_picture(server: FakeTelegram, bot: Bot, chat: Chat, ann: User) -> None:
    """Each state of the message is kept; the picture is made anew, and buttons that are not sent again are gone."""
    message = await server.answer_to(await server.send(ann, chat, "/draw"))
    await message.until(lambda it: it.media is not None)
    assert [(state.text, state.media is not None) for state in message.history] == [
        ("queued", False),
        ("drawing", False),
        ("a cat", True),
    ]
    assert (message.n_edits, buttons(message)) == (2, [])
    assert message.media
    assert message.media.is_spoiler
    assert [(size.width, size.height) for size in message.media.sizes] == [(90, 45), (320, 160), (1280, 640)]
    with Image.open(io.BytesIO(message.media.file.content)) as seen:
        assert (seen.format, seen.size) == ("JPEG", (1280, 640))
    assert bot.errors == []
    assert server.problems() == []


async def test_photos_are_made_anew_and_documents_are_not(
    server: FakeTelegram, bot: Bot, chat: Chat, ann: User
) -> None:
    """What stood in a picture's file is gone from the photo; a document is the same to the byte."""
    exif = Image.Exif()
    exif[0x010E] = "where I live"
    content = png(5, exif=exif)
    await server.send_photo(ann, chat, content, caption="look")
    await server.until(lambda: len(bot.files) == 1)
    assert b"where I live" not in bot.files[0]
    assert bot.files[0][:2] == b"\xff\xd8"
    await server.send_document(ann, chat, content, "my cat.png")
    await server.until(lambda: len(bot.files) == 2)
    assert bot.files[1] == content
    document = bot.seen[-1].effective_message
    assert document
    assert document.document
    assert (document.document.file_name, document.document.mime_type) == ("my cat.png", "image/png")
    assert server.problems() == []


async def test_a_press_is_answered(server: FakeTelegram, bot: Bot, chat: Chat, ann: User) -> None:
    """What is seen, when, and that a client which may keep an answer does not ask again."""
    message = await server.answer_to(await server.send(ann, chat, "/hello"))
    press = await server.press(ann, message, "again")
    answer = await press.answered()
    assert (answer.text, answer.show_alert, answer.cached_s) == ("pressed again", True, 60)
    assert press.answered_after_s is not None
    assert press.answered_after_s < 2.0
    assert (await server.press(ann, message, "again")).was_cached
    server.pass_time(61)
    await (await server.press(ann, message, "again")).answered()
    assert [each.callback_query is not None for each in bot.seen].count(True) == 2
    with pytest.raises(AssertionError, match="no button with 'other'"):
        await server.press(ann, message, "other")
    assert server.problems() == []


async def test_a_press_may_come_from_a_message_that_cannot_be_told(
    server: FakeTelegram, bot: Bot, chat: Chat, ann: User
) -> None:
    """The bot learns where and which, and nothing of what stood there."""
    message = await server.answer_to(await server.send(ann, chat, "/hello"))
    message.delete()
    await (await server.press(ann, message, "again", is_inaccessible=True)).answered()
    query = bot.seen[-1].callback_query
    assert query
    assert isinstance(query.message, telegram.Message)  # and not telegram.InaccessibleMessage, in version 22.8
    assert not query.message.is_accessible
    assert (query.message.chat.id, query.message.message_id) == (chat.id, message.id)
    assert server.problems() == []


async def test_a_late_answer_to_a_press_is_refused(
    server: FakeTelegram, api: telegram.Bot, chat: Chat, ann: User
) -> None:
    """After fifteen seconds nobody waits, and nobody can answer twice."""
    sent = await api.send_message(chat.id, "x", reply_markup=keyboard("go"))
    message = chat.messages[sent.message_id]
    press = await server.press(ann, message, "go")
    assert await api.answer_callback_query(press.id)
    late = await server.press(ann, message, "go")
    server.pass_time(15.1)
    for each in (press, late):
        with pytest.raises(BadRequest, match="Query is too old"):
            await api.answer_callback_query(each.id)
    assert late.answer is None
    assert server.problems() == []


async def test_an_update_can_come_twice(server: FakeTelegram, bot: Bot, chat: Chat, ann: User) -> None:
    """The same number again, although it was confirmed; python-telegram-bot hands both on."""
    server.next_mishap(Mishap.TWICE)
    asked = await server.send(ann, chat, "/hello")
    await server.until(lambda: len(bot.seen) == 2)
    await server.said(chat, 2)
    assert [each.update_id for each in bot.seen] == [asked.update.id] * 2
    server.updates.tell_again(asked.update)
    await server.said(chat, 3)
    assert server.problems() == []


async def test_an_update_can_come_late(server: FakeTelegram, bot: Bot, chat: Chat, ann: User) -> None:
    """What was said first is told after what was said next, and numbered so; alone it waits a moment."""
    server.next_mishap(Mishap.LATE)
    first, second = await server.send(ann, chat, "/hello 1"), await server.send(ann, chat, "/hello 2")
    await server.until(lambda: len(bot.seen) == 2)
    assert [each.effective_message.text for each in bot.seen if each.effective_message] == ["/hello 2", "/hello 1"]
    assert first.update.id == second.update.id + 1
    server.next_mishap(Mishap.LATE)
    alone = await server.send(ann, chat, "/hello 3")
    assert alone.update is None
    await server.answer_to(alone)


async def test_what_is_not_confirmed_comes_again(server: FakeTelegram, chat: Chat, ann: User) -> None:
    """An offset confirms what is before it; without one, or with one that never was, all that waits is told."""
    said = [await server.send(ann, chat, f"/hello {n}") for n in range(3)]
    ids = [each.update.id for each in said]

    async def told(**fields: Any) -> list[int]:
        _, body = await raw(server, "getUpdates", **fields)
        return [each["update_id"] for each in body["result"]]

    assert await told() == ids
    assert await told(limit=2) == ids[:2]
    assert [len(each.update.told_at) for each in said] == [2, 2, 1]
    assert await told(offset=ids[1] + 1000) == ids
    assert await told(offset=ids[1]) == ids[1:]
    assert [each.update.confirmed_at is not None for each in said] == [True, False, False]
    assert await told(offset=-1) == ids[2:]
    assert await told() == ids[2:]
    server.pass_time(24 * 3600)
    assert await told() == []
    server.pass_time(8 * 24 * 3600)
    later = await server.send(ann, chat, "x")
    assert abs(later.update.id - ids[2]) > 1
    assert server.problems() == []


async def test_only_what_was_asked_for_is_told(server: FakeTelegram, chat: Chat, ann: User) -> None:
    """The kinds that were named last count until others are named; an empty list means the usual ones."""
    await raw(server, "getUpdates", allowed_updates=["callback_query"])
    assert (await server.send(ann, chat, "one")).update is None
    await raw(server, "getUpdates")
    assert (await server.send(ann, chat, "two")).update is None
    await raw(server, "getUpdates", allowed_updates=[])
    assert (await server.send(ann, chat, "three")).update
    assert [kind for kind, _ in server.updates.unwanted] == ["message", "message"]


async def test_of_two_that_wait_one_is_sent_away(server: FakeTelegram, bot: Bot, chat: Chat, ann: User) -> None:
    """The one who came first hears 409; python-telegram-bot comes back, and pushes the other away."""
    async with client(server) as second:
        other = asyncio.create_task(second.get_updates(timeout=10, read_timeout=5))
        with pytest.raises(Conflict, match="terminated by other getUpdates request"):
            await other
    await server.answer_to(await server.send(ann, chat, "/hello"))
    assert server.problems() == []


async def test_polling_goes_on_through_bad_weather(server: FakeTelegram, bot: Bot, chat: Chat, ann: User) -> None:
    """Replies that were lost are told again: nothing of them was confirmed."""
    server.next_fault("getUpdates", Fault.REPLY_LOST)
    first = await server.send(ann, chat, "/hello")  # told by the call that waits; the next one meets the fault
    await server.answer_to(first)
    await server.until(lambda: first.update.confirmed_at is not None)
    asked = await server.send(ann, chat, "/hello")
    await server.answer_to(asked)
    assert [len(each.update.told_at) for each in (first, asked)] == [1, 2]
    server.next_fault("getUpdates", Fault.BROKEN_BEFORE, status=504)
    await server.answer_to(await server.send(ann, chat, "/hello"))
    assert server.problems() == []


async def test_who_asks_the_same_again_may_be_held(server: FakeTelegram, chat: Chat, ann: User) -> None:
    """As the Bot API does for three seconds, although nobody asked to wait; only where a test wants it."""
    server.updates.holds_repeats = True
    assert (await raw(server, "getUpdates"))[1]["result"] == []
    held = asyncio.create_task(raw(server, "getUpdates"))
    await server.ready()
    asked = await server.send(ann, chat, "x")
    assert [each["update_id"] for each in (await held)[1]["result"]] == [asked.update.id]


async def test_who_dies_waiting_is_nobodys_poller(server: FakeTelegram, chat: Chat, ann: User) -> None:
    """A connection that ends while it waits is told nothing."""
    waiting = asyncio.create_task(raw(server, "getUpdates", timeout=30))
    await server.ready()
    waiting.cancel()
    await asyncio.gather(waiting, return_exceptions=True)
    await server.until(lambda: not server.updates.is_polled)
    asked = await server.send(ann, chat, "x")
    assert asked.update.told_at == []


# Webhooks


@dataclass
class Hook:
    """Where updates are posted. `answers`: the next statuses; 200 when there are none."""

    url: str = ""
    secrets: list[str] = field(default_factory=list)
    told: list[Update] = field(default_factory=list)
    answers: list[int] = field(default_factory=list)

    async def hear(self, request: web.Request) -> web.Response:
        self.secrets.append(request.headers.get("X-Telegram-Bot-Api-Secret-Token", ""))
        update = Update.de_json(await request.json(), None)
        self.told.append(update)
        return web.Response(status=self.answers.pop(0) if self.answers else 200)


@pytest.fixture
async def hook() -> AsyncIterator[Hook]:
    made, app = Hook(), web.Application()
    app.router.add_post("/hook", made.hear)
    runner = web.AppRunner(app, access_log=None)
    await runner.setup()
    await web.TCPSite(runner, "127.0.0.1", 0).start()
    made.url = f"http://127.0.0.1:{runner.addresses[0][1]}/hook"
    yield made
    await runner.cleanup()


async def test_a_webhook_is_told_until_it_says_so(
    server: FakeTelegram, api: telegram.Bot, hook: Hook, chat: Chat, ann: User
) -> None:
    """With the secret, again after an error, and in the order of its chat."""
    waits = await server.send(ann, chat, "before")
    hook.answers = [500, 503]
    server.methods.webhook_pause_s = 0.01
    await api.set_webhook(hook.url, secret_token="A-z_9", max_connections=4)
    after = await server.send(ann, chat, "after")
    await server.until(lambda: after.update.confirmed_at is not None)
    assert [each.effective_message.text for each in hook.told if each.effective_message] == ["before"] * 3 + ["after"]
    assert set(hook.secrets) == {"A-z_9"}
    assert waits.update.confirmed_at < after.update.confirmed_at
    info = await api.get_webhook_info()
    assert (info.url, info.pending_update_count, info.max_connections) == (hook.url, 0, 4)
    assert info.last_error_message == "Wrong response from the webhook: 503 Service Unavailable"
    with pytest.raises(Conflict, match="Conflict: can't use getUpdates method while webhook is active"):
        await api.get_updates()
    await api.delete_webhook()
    await server.send(ann, chat, "later")
    assert [each.effective_message.text for each in await api.get_updates() if each.effective_message] == ["later"]
    assert server.problems() == []


async def test_a_webhook_can_be_told_twice_and_be_away(
    server: FakeTelegram, api: telegram.Bot, hook: Hook, chat: Chat, ann: User
) -> None:
    """What nobody takes waits; what was taken may come again."""
    server.methods.webhook_pause_s = 0.01
    server.next_mishap(Mishap.TWICE)
    await api.set_webhook(hook.url)
    await server.send(ann, chat, "x")
    await server.until(lambda: len(hook.told) == 2)
    assert hook.told[0].update_id == hook.told[1].update_id
    await api.set_webhook("http://127.0.0.1:9/hook")
    asked = await server.send(ann, chat, "y")
    await server.until(lambda: bool(server.methods.webhook and server.methods.webhook.last_error))
    assert asked.update.confirmed_at is None
    for url, secret in (("http://example.org/hook", ""), (hook.url, "a b"), (hook.url, "x" * 257)):
        with pytest.raises(BadRequest):
            await api.set_webhook(url, secret_token=secret)


# Refusals


@pytest.mark.parametrize(
    ("method", "fields", "why"),
    [
        ("sendMessage", {"text": ""}, "message text is empty"),
        ("sendMessage", {"text": " \n "}, "text must be non-empty"),
        ("sendMessage", {"text": "x" * 4097}, "message is too long"),
        ("sendMessage", {"chat_id": 1, "text": "x"}, "chat not found"),
        ("sendMessage", {"chat_id": "@nobody", "text": "x"}, "chat not found"),
        ("sendMessage", {"chat_id": "", "text": "x"}, "chat_id is empty"),
        ("sendMessage", {"text": "x", "message_thread_id": 5}, "message thread not found"),
        ("sendMessage", {"text": "x", "reply_parameters": {"message_id": 99}}, "message to be replied not found"),
        ("sendMessage", {"text": "<b>x", "parse_mode": "HTML"}, "can't parse entities: Can't find end tag"),
        ("sendMessage", {"text": "1.5", "parse_mode": "MarkdownV2"}, "Character '.' is reserved"),
        ("sendMessage", {"text": "x", "parse_mode": "BBCode"}, "unsupported parse_mode"),
        ("sendMessage", {"text": "🐈", "entities": [{"type": "bold", "offset": 1, "length": 1}]}, "middle of a UTF-16"),
        ("sendMessage", {"text": "x", "entities": [{"type": "bold", "offset": 0, "length": 2}]}, "after the end"),
        ("sendMessage", {"text": "x", "reply_markup": {"inline_keyboard": [[{"text": "a"}]]}}, "Text buttons"),
        ("sendPhoto", {}, "there is no photo"),
        ("sendPhoto", {"photo": "nonsense"}, "wrong file identifier"),
        ("sendPhoto", {"photo": "https://example.org/a.png"}, "failed to get HTTP URL content"),
        ("sendPhoto", {"photo": "attach://missing"}, "media not found"),
        ("sendMediaGroup", {"media": [{"type": "photo", "media": "x"}]}, "2 to 10"),
        ("sendChatAction", {"action": "dancing"}, "wrong parameter action"),
        ("editMessageText", {"message_id": 99, "text": "x"}, "message to edit not found"),
        ("editMessageText", {"text": "x"}, "message identifier is not specified"),
        ("deleteMessage", {"message_id": 99}, "message to delete not found"),
        ("answerCallbackQuery", {"callback_query_id": "1"}, "query is too old"),
        ("answerInlineQuery", {"inline_query_id": "1", "results": []}, "query is too old"),
        ("getFile", {"file_id": "nonsense"}, "invalid file_id"),
        ("getChatMember", {"user_id": 5}, "user not found"),
        ("setMyCommands", {"commands": [{"command": "Big", "description": "x"}]}, "BOT_COMMAND_INVALID"),
        ("setMyCommands", {"commands": [], "language_code": "deu"}, "invalid language code"),
        ("setMyShortDescription", {"short_description": "x" * 121}, "too long"),
    ],
)
async def test_what_telegram_would_refuse_is_refused(
    method: str, fields: dict[str, Any], why: str, server: FakeTelegram, chat: Chat
) -> None:
    """With its words, and nothing is done."""
    status, body = await raw(server, method, **{"chat_id": chat.id, **fields})
    assert (status, body["ok"], body["error_code"]) == (400, False, 400)
    assert why in body["description"]
    assert server.of_bot(chat) == []


@pytest.mark.parametrize(
    ("pressed", "why"),
    [
        ({"callback_data": "x" * 65}, "BUTTON_DATA_INVALID"),
        ({"callback_data": ""}, "BUTTON_DATA_INVALID"),
        ({"callback_data": "ä" * 33}, "BUTTON_DATA_INVALID"),
        ({"url": "nowhere"}, "BUTTON_URL_INVALID"),
        ({"copy_text": {"text": "x" * 257}}, "BUTTON_COPY_TEXT_INVALID"),
        ({"url": "https://a.de", "callback_data": "x"}, "exactly one"),
        ({"callback_data": "x", "style": "pink"}, "style is unknown"),
    ],
)
async def test_a_button_that_telegram_would_refuse_is_refused(
    pressed: dict[str, Any], why: str, server: FakeTelegram, chat: Chat
) -> None:
    """Sixty-four bytes, not characters; the spec finds the same."""
    markup = {"inline_keyboard": [[{"text": "a", **pressed}]]}
    _, body = await raw(server, "sendMessage", chat_id=chat.id, text="x", reply_markup=markup)
    assert why in body["description"]


@pytest.mark.parametrize(
    ("content", "why"),
    [
        (b"no picture", "IMAGE_PROCESS_FAILED"),
        (png()[:40], "IMAGE_PROCESS_FAILED"),
        (png(2100, 100), "PHOTO_INVALID_DIMENSIONS"),
        (png(9900, 600), "PHOTO_INVALID_DIMENSIONS"),
        (b"", "file must be non-empty"),
    ],
)
async def test_a_photo_that_is_none_is_refused(
    content: bytes, why: str, server: FakeTelegram, api: telegram.Bot, chat: Chat
) -> None:
    """By its bytes, its sides and their ratio."""
    with pytest.raises(BadRequest, match=f"(?i){why}"):
        await api.send_photo(chat.id, content)
    assert server.problems() == []


async def test_files_may_be_so_large_and_no_larger(
    server: FakeTelegram, api: telegram.Bot, chat: Chat, ann: User
) -> None:
    """10 MB a photo, 50 MB a call, 20 MB to fetch; here less of each."""
    content = png(64, 64)
    server.sizes.photo = len(content) - 1
    with pytest.raises(BadRequest, match="is too big for a photo"):
        await api.send_photo(chat.id, content)
    sent = await api.send_document(chat.id, content, filename="a.png")
    server.sizes.download = len(content) - 1
    assert sent.document
    with pytest.raises(BadRequest, match="File is too big"):
        await sent.document.get_file()
    server.sizes.upload = len(content) - 1
    with pytest.raises(NetworkError, match="Request Entity Too Large"):
        await api.send_document(chat.id, content)
    assert server.problems() == []


async def test_a_file_is_sent_again_by_its_id(server: FakeTelegram, api: telegram.Bot, chat: Chat) -> None:
    """Without its bytes, as what it was and nothing else; its address is good for an hour."""
    sent = await api.send_photo(chat.id, png())
    again = await api.send_photo(chat.id, sent.photo[-1].file_id, caption="again")
    assert again.photo[-1].file_unique_id == sent.photo[-1].file_unique_id
    assert server.calls[-1].files == ()
    with pytest.raises(BadRequest, match="Can't use file of type photo as document"):
        await api.send_document(chat.id, sent.photo[-1].file_id)
    file = await sent.photo[-1].get_file()
    assert file.file_path
    assert (await file.download_as_bytearray())[:2] == b"\xff\xd8"
    server.pass_time(3601)
    with pytest.raises(InvalidToken):
        await file.download_as_bytearray()
    assert server.problems() == []


async def test_a_token_is_checked(server: FakeTelegram) -> None:
    """Another one is 401, what looks like none 404; python-telegram-bot says InvalidToken to both."""
    for token, status in ((server.token[:-1] + "!", 404), (f"{server.bot.id}:{'x' * 35}", 401)):
        stranger = client(server, token)
        with pytest.raises(InvalidToken):
            await stranger.initialize()
        await stranger.shutdown()
        assert server.calls[-1].status == status
    assert (await raw(server, "dance"))[0] == 404


# Edits


async def test_the_same_again_is_no_edit(server: FakeTelegram, api: telegram.Bot, chat: Chat) -> None:
    """Text, entities, media and buttons count; the same bytes as a photo are the same photo."""
    sent = await api.send_message(chat.id, "x", reply_markup=keyboard("go"))
    same: list[Callable[[], Any]] = [
        lambda: sent.edit_text("x ", reply_markup=keyboard("go")),
        lambda: sent.edit_reply_markup(keyboard("go")),
    ]
    for each in same:
        with pytest.raises(BadRequest, match="Message is not modified"):
            await each()
    await sent.edit_text("x", entities=[MessageEntity("bold", 0, 1)])
    picture = InputMediaPhoto(png(), caption="a")
    await sent.edit_media(picture, reply_markup=keyboard("go"))
    with pytest.raises(BadRequest, match="Message is not modified"):
        await sent.edit_media(picture, reply_markup=keyboard("go"))
    await sent.edit_caption("b", reply_markup=keyboard("go"))
    with pytest.raises(BadRequest, match="There is no text in the message to edit"):
        await sent.edit_text("y")
    message = chat.messages[sent.message_id]
    assert (message.text, message.n_edits, [each["text"] for each in buttons(message)]) == ("b", 3, ["Go"])
    server.files_side.reuses_uploads = False
    server.files_side._uploads.clear()
    await sent.edit_media(InputMediaPhoto(png(), caption="b"), reply_markup=keyboard("go"))
    await sent.edit_media(InputMediaDocument(b"as it is", filename="a.txt"))
    assert message.media
    assert (message.media.kind, message.media.file.content) == ("document", b"as it is")
    assert server.problems() == []


async def test_what_is_gone_or_not_mine_cannot_be_edited(
    server: FakeTelegram, api: telegram.Bot, chat: Chat, ann: User
) -> None:
    """Deleted by a person or by the bot; a message is deleted within two days or not at all."""
    said = await server.send(ann, chat, "mine")
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await api.edit_message_text("yours", chat.id, said.id)
    sent = await api.send_message(chat.id, "x")
    with pytest.raises(BadRequest, match="There is no caption in the message to edit"):
        await sent.edit_caption("y")
    server.delete_message(chat.messages[sent.message_id])
    with pytest.raises(BadRequest, match="Message to edit not found"):
        await sent.edit_text("y")
    old = await api.send_message(chat.id, "old")
    server.pass_time(48 * 3600 + 1)
    with pytest.raises(BadRequest, match="Message can't be deleted for everyone"):
        await old.delete()
    await old.edit_text("still")
    young = await api.send_message(
        chat.id, "young", reply_parameters=ReplyParameters(99, allow_sending_without_reply=True)
    )
    assert young.reply_to_message is None
    assert await young.delete()
    assert server.problems() == []


async def test_an_album_is_several_messages(server: FakeTelegram, api: telegram.Bot, chat: Chat) -> None:
    """Of one kind, with the caption at the first, and edited within its kind."""
    pictures = [InputMediaPhoto(png(colour=each), caption=each) for each in ("red", "blue")]
    sent = await api.send_media_group(chat.id, pictures)
    assert len({each.media_group_id for each in sent}) == 1
    assert [each.text for each in server.of_bot(chat)] == ["red", "blue"]
    with pytest.raises(BadRequest, match=r"(?i)can't use the media of the specified type in the album"):
        await sent[0].edit_media(InputMediaDocument(b"x"))
    with pytest.raises(BadRequest, match=r"(?i)can't use the media of the specified type in the album"):
        await api.send_media_group(chat.id, [*pictures[:1], InputMediaDocument(b"x")])
    assert server.problems() == ["sendMediaGroup: asked media/0/type: 'document' was expected"]


async def test_entities_are_counted_in_utf16(server: FakeTelegram, api: telegram.Bot, chat: Chat) -> None:
    """What the bot marks and what Telegram finds comes back with the message, by any way of marking."""
    sent = await api.send_message(chat.id, " 🐈 bold /help", entities=[MessageEntity("bold", 4, 4)])
    assert sent.parse_entities() == {
        MessageEntity("bold", 3, 4): "bold",
        MessageEntity("bot_command", 8, 5): "/help",
    }
    html = await api.send_message(chat.id, f"<b>{'x' * 4096}</b>", parse_mode="HTML")
    marked = await api.send_message(chat.id, "*b* `a\\`b` [l](https://a.de) 1\\.5", parse_mode="MarkdownV2")
    assert html.text == "x" * 4096
    assert marked.text == "b a`b l 1.5"
    assert [each.type for each in marked.entities] == ["bold", "code", "text_link"]
    assert server.problems() == []


async def test_an_animation_and_what_is_going_on(server: FakeTelegram, api: telegram.Bot, chat: Chat) -> None:
    """A GIF has its sides and its length; "sending a photo" is written down."""
    out = io.BytesIO()
    frames = [Image.new("RGB", (16, 8), each) for each in ("red", "blue")]
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:], duration=1500)
    sent = await api.send_animation(chat.id, out.getvalue(), filename="a.gif")
    assert sent.animation
    assert (sent.animation.width, sent.animation.duration.total_seconds()) == (16, 3)  # type: ignore[union-attr]
    await api.send_chat_action(chat.id, "upload_photo")
    assert [each.action for each in chat.actions] == ["upload_photo"]
    assert server.problems() == []


# Floods


async def test_a_chat_that_is_told_to_wait_waits(server: FakeTelegram, api: telegram.Bot, chat: Chat) -> None:
    """Everything in it is refused as long; who goes on speaking is written down."""
    server.next_fault("send*", Fault.TOO_MANY, retry_after_s=2)
    with pytest.raises(RetryAfter) as told:
        await api.send_message(chat.id, "x")
    assert told.value._retry_after.total_seconds() == 2
    with pytest.raises(RetryAfter):
        await api.send_message(chat.id, "at once")
    assert server.offences == []
    server.pass_time(1)
    with pytest.raises(RetryAfter):
        await api.send_message(chat.id, "too soon")
    assert len(server.offences) == 1
    assert "was told to wait 2" in server.offences[0]
    server.pass_time(1)
    await api.send_message(chat.id, "in time")
    assert [each.text for each in server.of_bot(chat)] == ["in time"]
    assert server.problems() == []


async def test_limits_are_of_chats_and_of_all(server: FakeTelegram, api: telegram.Bot, chat: Chat, ann: User) -> None:
    """Edits are messages and an album is as many as it has; other calls are free."""
    group = server.add_group("friends", ann)
    server.limits = FloodLimits(group=RateLimit(n_messages=3, per_s=60.0))
    sent = await api.send_message(chat.id, "x")
    with pytest.raises(RetryAfter):
        await sent.edit_text("y")
    pictures = [InputMediaPhoto(png(colour=each)) for each in ("red", "blue")]
    await api.send_media_group(group.id, pictures)
    with pytest.raises(RetryAfter) as told:
        await api.send_media_group(group.id, pictures)
    assert 58 <= told.value._retry_after.total_seconds() <= 60
    await api.get_chat(group.id)
    server.pass_time(1.1)
    await sent.edit_text("y")
    server.forget_silences()
    server.pass_time(60)
    server.limits = FloodLimits(private=None, group=None, everywhere=RateLimit(n_messages=1, per_s=5.0))
    await sent.edit_text("z")
    with pytest.raises(RetryAfter):
        await api.send_message(group.id, "x")
    assert server.offences == []


# Faults


@pytest.mark.parametrize(
    ("fault", "error", "is_done"),
    [
        (Fault.DROPPED, NetworkError, False),
        (Fault.BROKEN_BEFORE, NetworkError, False),
        (Fault.TOO_MANY, RetryAfter, False),
        (Fault.REFUSED, Forbidden, False),
        (Fault.GONE, BadRequest, False),
        (Fault.REPLY_LOST, NetworkError, True),
        (Fault.RESET, NetworkError, True),
        (Fault.BROKEN_AFTER, NetworkError, True),
        (Fault.STALLED, TimedOut, True),
    ],
)
@pytest.mark.parametrize("is_of_a_chat", [False, True])
async def test_faults_are_what_they_say(
    fault: Fault,
    error: type[TelegramError],
    is_done: bool,
    is_of_a_chat: bool,
    server: FakeTelegram,
    api: telegram.Bot,
    chat: Chat,
) -> None:
    """What the bot hears, and whether it was done all the same; the next call is as ever."""
    server.weather.stall_s = 5.0
    server.next_fault("sendMessage", fault, chat=chat if is_of_a_chat else None)
    with pytest.raises(error) as told:
        await api.send_message(chat.id, "x", read_timeout=0.1)
    assert type(told.value) is error
    assert [each.text for each in server.of_bot(chat)] == (["x"] if is_done else [])
    server.forget_silences()
    await api.send_message(chat.id, "y")
    assert server.problems() == []


async def test_what_is_refused_for_good_stays_so(
    server: FakeTelegram, api: telegram.Bot, chat: Chat, ann: User
) -> None:
    """A message that nobody may edit any more, one that is gone, a press that nobody waits for."""
    sent = await api.send_message(chat.id, "x", reply_markup=keyboard("go"))
    message = chat.messages[sent.message_id]
    press = await server.press(ann, message, "go")
    server.next_fault("answerCallbackQuery", Fault.GONE)
    server.next_fault("editMessageText", Fault.REFUSED)
    for _ in range(2):
        with pytest.raises(BadRequest, match="Query is too old"):
            await api.answer_callback_query(press.id)
        with pytest.raises(Forbidden):
            await sent.edit_text("y")
    assert press.was_refused
    assert message.was_refused
    other = await api.send_message(chat.id, "other")
    server.next_fault("edit*", Fault.GONE)
    for _ in range(2):
        with pytest.raises(BadRequest, match="Message to edit not found"):
            await other.edit_text("z")
    assert chat.messages[other.message_id].deleted
    assert len(server.refused) == 3


async def test_updates_have_weather_of_their_own(server: FakeTelegram, bot: Bot, chat: Chat, ann: User) -> None:
    """Late, twice and in any order, with polls that fail: all of them arrive."""
    server.weather.update_share = 0.5
    server.weather.poll_share = 0.05
    server.weather.stall_s = server.weather.retry_scale = 0.01
    server.patience.has_whole_seconds = False
    asked = [await server.send(ann, chat, f"/hello {n}") for n in range(30)]
    for each in asked:
        await server.answer_to(each, timeout_s=10)
    assert len(bot.seen) > len(asked)
    assert server.problems() == []


async def test_the_weather_touches_what_it_may(server: FakeTelegram, api: telegram.Bot, chat: Chat) -> None:
    """Everything that is said, and nothing that is asked."""
    server.weather.share = 1.0
    server.weather.stall_s = 0.01
    for _ in range(10):
        with pytest.raises(TelegramError):
            await api.send_message(chat.id, "x")
        server.forget_silences()
        await api.get_me()
    assert len({call.fault for call in server.calls if call.method == "sendMessage"}) > 3
    assert server.problems() == []


async def test_a_download_can_fail_too(server: FakeTelegram, api: telegram.Bot, chat: Chat) -> None:
    """A broken server, a lost reply; then the bytes."""
    file = await (await api.send_document(chat.id, b"as it is")).document.get_file()  # type: ignore[union-attr]
    server.next_fault("download", Fault.BROKEN_BEFORE, status=502)
    server.next_fault("download", Fault.REPLY_LOST)
    for _ in range(2):
        with pytest.raises(NetworkError):
            await file.download_as_bytearray()
    assert await file.download_as_bytearray() == b"as it is"
    assert [call.status for call in server.downloads] == [502, None, 200]


# Places


async def test_who_blocks_the_bot_hears_nothing(server: FakeTelegram, bot: Bot, chat: Chat, ann: User) -> None:
    """403 until they start it again; strangers cannot be written to at all."""
    server.block(ann)
    with pytest.raises(Forbidden, match="bot was blocked by the user"):
        await bot.app.bot.send_message(ann.id, "x")
    with pytest.raises(AssertionError, match="has blocked the bot"):
        await server.send(ann, chat, "/hello")
    await server.start_bot(ann, "ref-7")
    await bot.app.bot.send_message(ann.id, "x")
    group = server.add_group("friends")
    ben = server.add_user("ben")
    with pytest.raises(BadRequest, match="Chat not found"):
        await bot.app.bot.send_message(ben.id, "x")
    await server.send(ben, group, "/hello")
    with pytest.raises(Forbidden, match="bot can't initiate conversation with a user"):
        await bot.app.bot.send_message(ben.id, "x")
    kinds = [each.kind for each in server.updates.log]
    assert kinds == ["my_chat_member", "my_chat_member", "message", "message"]
    assert [each.effective_message.text for each in bot.seen if each.effective_message] == ["/start ref-7", "/hello"]
    assert server.problems() == []


async def test_a_bot_is_added_and_thrown_out(server: FakeTelegram, bot: Bot, ann: User) -> None:
    """It hears of its own place, and can say nothing where it is not."""
    group = server.add_supergroup("friends", ann, has_bot=False)
    with pytest.raises(Forbidden, match="bot is not a member of the supergroup chat"):
        await bot.app.bot.send_message(group.id, "x")
    await server.add_to_group(ann, group, "from-the-page")
    await bot.app.bot.send_message(group.id, "x")
    server.remove_bot(ann, group)
    with pytest.raises(Forbidden, match="bot was kicked from the supergroup chat"):
        await bot.app.bot.send_message(group.id, "y")
    told = [each for each in server.updates.log if each.kind == "my_chat_member"]
    assert [each.payload["new_chat_member"]["status"] for each in told] == ["member", "kicked"]
    assert (await server.send(ann, group, "/hello")).update is None
    await server.add_to_group(ann, group)
    assert await bot.app.bot.leave_chat(group.id)
    with pytest.raises(Forbidden, match="is not a member"):
        await bot.app.bot.send_message(group.id, "y")
    assert server.problems() == []


async def test_a_group_may_forbid_pictures(server: FakeTelegram, api: telegram.Bot, ann: User) -> None:
    """To members, not to administrators; in a channel only they may speak."""
    group = server.add_supergroup("friends", ann)
    group.permissions = frozenset({"can_send_messages"})
    await api.send_message(group.id, "x")
    with pytest.raises(BadRequest, match="Not enough rights to send photos to the chat"):
        await api.send_photo(group.id, png())
    server.promote_bot(ann, group, frozenset())
    await api.send_photo(group.id, png())
    channel = server.add_channel("news", ann, has_bot=False)
    server.add_member(channel, server.bot, "administrator")
    with pytest.raises(BadRequest, match="Need administrator rights in the channel chat"):
        await api.send_message(channel.id, "x")
    server.promote_bot(ann, channel)
    sent = await api.send_message(channel.id, "x")
    assert sent.sender_chat == telegram.Chat(channel.id, "channel", "news")
    posted = await server.post(channel, "y")
    await api.edit_message_text("z", channel.id, posted.id)
    server.promote_bot(ann, channel, frozenset({"can_post_messages"}))
    with pytest.raises(BadRequest, match="Message can't be edited"):
        await api.edit_message_text("y", channel.id, posted.id)
    with pytest.raises(BadRequest, match="Message can't be deleted"):
        await api.delete_message(channel.id, posted.id)
    assert await sent.delete()
    assert server.problems() == []


async def test_privacy_mode_hides_what_is_not_for_the_bot(server: FakeTelegram, ann: User) -> None:
    """Commands, answers to it, its name and service messages are; administrators hear everything."""
    group = server.add_group("friends", ann)
    said = server.new_message(group, server.bot, _words("mine")).keep()
    heard = [
        await server.send(ann, group, "/hello"),
        await server.send(ann, group, "/hello@darkroom_bot"),
        await server.send(ann, group, "@darkroom_bot a cat"),
        await server.send(ann, group, "nice", reply_to=said),
    ]
    unheard = [
        await server.send(ann, group, "good morning"),
        await server.send(ann, group, "/hello@other_bot"),
        await server.send(ann, group, "no", reply_to=heard[0]),
    ]
    assert [each.update is not None for each in (*heard, *unheard)] == [True] * 4 + [False] * 3
    server.promote_bot(ann, group, frozenset())
    assert (await server.send(ann, group, "good morning")).update
    assert server.problems() == []


def _words(text: str) -> Any:
    from tests.fakes.telegram_content import Content

    return Content(text=text)


async def test_topics_have_numbers_and_general_has_none(server: FakeTelegram, bot: Bot, ann: User) -> None:
    """A message in a topic answers the topic's first when it answers nothing else; closed and deleted ones refuse."""
    forum = server.add_supergroup("forum", ann, is_forum=True)
    cats = server.add_topic(forum, "cats")
    asked = await server.send(ann, forum, "/hello", thread=cats.id)
    assert (await server.answer_to(asked)).thread == cats.id
    told = bot.seen[-1].effective_message
    assert told
    assert (told.message_thread_id, told.is_topic_message) == (cats.id, True)
    assert told.reply_to_message
    assert told.reply_to_message.forum_topic_created
    general = await server.answer_to(await server.send(ann, forum, "/hello"))
    assert general.thread is None
    assert bot.seen[-1].effective_message
    assert bot.seen[-1].effective_message.is_topic_message is None
    api = bot.app.bot
    with pytest.raises(BadRequest, match="Message thread not found"):
        await api.send_message(forum.id, "x", message_thread_id=1)
    replied = await api.send_message(forum.id, "x", reply_parameters=ReplyParameters(asked.id))
    assert replied.message_thread_id == cats.id
    server.close_topic(forum, cats)
    with pytest.raises(BadRequest, match=r"(?i)TOPIC_CLOSED"):
        await api.send_message(forum.id, "x", message_thread_id=cats.id)
    server.delete_topic(forum, cats)
    with pytest.raises(BadRequest, match="Message thread not found"):
        await api.send_message(forum.id, "x", message_thread_id=cats.id)
    with pytest.raises(AssertionError, match="the topic is deleted"):
        await server.send(ann, forum, "x", thread=cats.id)
    assert server.problems() == []


async def test_an_answer_in_a_supergroup_has_a_thread_that_is_no_topic(
    server: FakeTelegram, bot: Bot, ann: User
) -> None:
    """Who takes it for one and sends it back is refused."""
    group = server.add_supergroup("friends", ann)
    first = await server.answer_to(await server.send(ann, group, "/hello"))
    await server.answer_to(await server.send(ann, group, "/hello again", reply_to=first))
    told = bot.seen[-1].effective_message
    assert told
    assert (told.message_thread_id, told.is_topic_message) == (first.reply_to and first.reply_to.id, None)
    with pytest.raises(BadRequest, match="Message thread not found"):
        await bot.app.bot.send_message(group.id, "x", message_thread_id=told.message_thread_id)
    assert server.problems() == []


async def test_administrators_may_be_nobody(server: FakeTelegram, bot: Bot, ann: User) -> None:
    """One who is anonymous writes as the group; a press is their own, and no list has them."""
    group = server.add_supergroup("friends", server.add_user("owner"))
    server.add_member(group, ann, "administrator", frozenset({"can_change_info"}), is_anonymous=True, title="Boss")
    asked = await server.send(ann, group, "/hello")
    await server.answer_to(asked)
    told = bot.seen[-1].effective_message
    assert told is not None
    assert told.from_user
    assert told.sender_chat
    assert (told.from_user.id, told.sender_chat.id, told.author_signature) == (1087968824, group.id, "Boss")
    await (await server.press(ann, server.of_bot(group)[0], "again")).answered()
    pressed = bot.seen[-1].callback_query
    assert pressed
    assert pressed.from_user.id == ann.id
    api = bot.app.bot
    assert [each.user.first_name for each in await api.get_chat_administrators(group.id)] == ["owner"]
    assert (await api.get_chat_member(group.id, ann.id)).status == "member"
    server.methods.places.shows_anonymous = True
    member = await api.get_chat_member(group.id, ann.id)
    assert (member.status, member.can_change_info, member.can_delete_messages) == ("administrator", True, False)
    assert (await api.get_chat_member(group.id, server.add_user("ben").id)).status == "left"
    assert server.problems() == []


async def test_a_post_is_forwarded_to_the_group_of_its_channel(server: FakeTelegram, bot: Bot, ann: User) -> None:
    """By Telegram's own account; people may write there as their channels too."""
    server.hears_everything = True
    group = server.add_supergroup("talk", ann)
    channel = server.add_channel("news", ann, linked=group)
    await server.post(channel, "/hello from the channel")
    await server.until(lambda: len(bot.seen) == 2)
    post, copied = bot.seen[0].channel_post, bot.seen[1].effective_message
    assert post
    assert copied
    assert (post.from_user, post.sender_chat and post.sender_chat.id) == (None, channel.id)
    assert copied.from_user
    assert (copied.from_user.id, copied.is_automatic_forward, copied.chat.id) == (777000, True, group.id)
    assert isinstance(copied.forward_origin, telegram.MessageOriginChannel)
    await server.send(ann, group, "/hello", as_channel=channel)
    await server.until(lambda: len(bot.seen) == 3)
    assert bot.seen[2].effective_user
    assert bot.seen[2].effective_user.id == 136817688
    assert server.problems() == []


async def test_a_group_becomes_a_supergroup(server: FakeTelegram, bot: Bot, ann: User) -> None:
    """The old address says the new one."""
    group = server.add_group("friends", ann)
    supergroup = server.upgrade(group)
    with pytest.raises(ChatMigrated) as told:
        await bot.app.bot.send_message(group.id, "x")
    assert told.value.new_chat_id == supergroup.id
    await bot.app.bot.send_message(supergroup.id, "x")
    await server.until(lambda: len(bot.seen) == 2)
    messages = [each.effective_message for each in bot.seen if each.effective_message]
    assert messages[0].migrate_to_chat_id == supergroup.id
    assert messages[1].migrate_from_chat_id == group.id
    assert server.problems() == []


async def test_edits_and_forwards_are_told(server: FakeTelegram, bot: Bot, chat: Chat, ann: User) -> None:
    """As what they are; nobody edits what somebody else wrote."""
    said = await server.send(ann, chat, "/hello one")
    await server.answer_to(said)
    await server.edit(ann, said, "/hello two")
    await server.until(lambda: bot.seen[-1].edited_message is not None)
    with pytest.raises(AssertionError, match="did not write it"):
        await server.edit(server.add_user("ben"), said, "three")
    await server.forward(ann, said, chat)
    await server.until(lambda: bot.seen[-1].message is not None and bot.seen[-1].message.forward_origin is not None)
    album = await server.send_album(ann, chat, [png(), png(colour="blue")], caption="two")
    assert [each.text for each in album] == ["two", ""]
    assert album[0].album == album[1].album
    assert server.problems() == []


async def test_commands_are_kept_by_scope_and_language(
    server: FakeTelegram, api: telegram.Bot, chat: Chat, ann: User
) -> None:
    """A person sees those of the narrowest scope, in their language or for all."""
    group = server.add_supergroup("friends", ann)
    ben = server.add_user("ben")

    def seen(user: User, where: Chat) -> list[str]:
        return [each["description"] for each in server.methods.profile.seen_by(user, where)]

    await api.set_my_commands([BotCommand("draw", "for all")])
    await api.set_my_commands([BotCommand("draw", "für alle")], language_code="de")
    await api.set_my_commands([BotCommand("draw", "in groups")], scope=BotCommandScopeAllGroupChats())
    await api.set_my_commands([BotCommand("rule", "for bosses")], scope=BotCommandScopeChatAdministrators(group.id))
    assert seen(ann, chat) == ["für alle"]
    assert seen(ben, server.private(ben)) == ["for all"]
    assert seen(ben, group) == ["in groups"]
    assert seen(ann, group) == ["for bosses"]
    await api.delete_my_commands(scope=BotCommandScopeChatAdministrators(group.id))
    assert seen(ann, group) == ["in groups"]
    assert await api.get_my_commands(language_code="de") == (BotCommand("draw", "für alle"),)
    await api.set_my_description("draws", "de")
    await api.set_my_short_description("draws")
    assert (await api.get_my_description("de")).description == "draws"
    assert (await api.get_my_short_description()).short_description == "draws"
    assert (await api.get_my_name()).name == server.bot.name
    assert server.problems() == []


async def test_a_chat_is_told_in_full(server: FakeTelegram, api: telegram.Bot, chat: Chat, ann: User) -> None:
    """By its id or its name; private ones too."""
    public = server.add_supergroup("friends", ann, username="friends_of_art", is_forum=True)
    full = await api.get_chat("@friends_of_art")
    assert (full.id, full.is_forum, full.permissions and full.permissions.can_send_photos) == (public.id, True, True)
    assert (await api.get_chat(chat.id)).first_name == "ann"
    with pytest.raises(BadRequest, match="There are no administrators in the private chat"):
        await api.get_chat_administrators(chat.id)
    assert server.problems() == []


async def test_the_bot_is_asked_inline(server: FakeTelegram, bot: Bot, ann: User) -> None:
    """What is chosen can be edited by its own number, but takes no upload."""
    server.gives_inline_feedback = True
    elsewhere = server.add_group("elsewhere", ann, has_bot=False)
    (result,) = await server.inline(ann, "a cat")
    message = await server.choose(ann, elsewhere, result)
    assert (texts(message), message.is_via_bot) == ("drawing a cat", True)
    press = await server.press(ann, message, "wait")
    assert (await press.answered()).text == "pressed wait"
    api = bot.app.bot
    with pytest.raises(BadRequest, match="Can't upload a file to an inline message"):
        await api.edit_message_media(InputMediaPhoto(png()), inline_message_id=message.inline_id)
    await server.start_bot(ann)
    kept = await api.send_photo(ann.id, png())
    known = InputMediaPhoto(kept.photo[-1].file_id, caption="a cat")
    assert await api.edit_message_media(known, inline_message_id=message.inline_id) is True
    assert (message.text, message.media is not None) == ("a cat", True)
    assert [each.kind for each in server.updates.log] == [
        *("inline_query", "chosen_inline_result", "callback_query", "message")
    ]
    assert server.problems() == []


async def test_inline_results_are_checked(server: FakeTelegram, api: telegram.Bot, chat: Chat, ann: User) -> None:
    """A photo must be one that was sent before; a stranger's question gets no answer at all."""
    asking = asyncio.create_task(server.inline(ann, "a cat"))
    await server.until(lambda: bool(server.queries.inline))
    (query_id,) = server.queries.inline
    photo = (await api.send_photo(chat.id, png())).photo[-1].file_id
    for results, why in (
        ([InlineQueryResultCachedPhoto("1", "nonsense")], "Wrong file identifier"),
        ([InlineQueryResultCachedPhoto("x" * 65, photo)], "(?i)RESULT_ID_INVALID"),
        ([InlineQueryResultCachedPhoto("1", photo)] * 2, "(?i)RESULT_ID_DUPLICATE"),
    ):
        with pytest.raises(BadRequest, match=why):
            await api.answer_inline_query(query_id, results)
    await api.answer_inline_query(query_id, [InlineQueryResultCachedPhoto("1", photo, caption="kept")])
    message = await server.choose(ann, chat, (await asking)[0])
    assert (message.text, message.media is not None, message.inline_id) == ("kept", True, "")


async def test_a_bot_logs_out(server: FakeTelegram, api: telegram.Bot) -> None:
    """Not closed in its first ten minutes; after it logged out nothing works."""
    status, body = await raw(server, "close")
    assert (status, body["parameters"]["retry_after"]) == (429, 600)
    server.pass_time(600)
    assert (await raw(server, "close"))[0] == 200
    assert await api.log_out()
    with pytest.raises(BadRequest, match="Logged out"):
        await api.get_me()
    assert server.problems() == []


# The judge, and the fake's own hygiene


async def test_the_judge_finds_what_is_wrong(server: FakeTelegram, chat: Chat) -> None:
    """In what was asked, by names, types and lengths; and in what was answered and told."""
    await raw(server, "sendMessage", chat_id=chat.id, text="x" * 5000, colour="red")
    await raw(server, "sendMessage", chat_id=chat.id, text="x", message_thread_id="seven")
    await raw(server, "sendMessage", chat_id=1, text="x")
    server.calls[-1].response["parameters"] = {"retry_later": 1}
    await raw(server, "getMe")
    server.calls[-1].response["result"]["favourite_colour"] = "red"
    server.updates.add("message", {"message_id": 1}, 0)
    found = "\n".join(server.problems())
    for each in ("5000 characters, allowed 1-4096", "'colour' was unexpected", "'favourite_colour' was unexpected"):
        assert each in found
    for each in ("message_thread_id: 'seven' is not", "retry_later", "told message"):
        assert each in found


async def test_calls_come_in_every_form(server: FakeTelegram, chat: Chat) -> None:
    """In the address, as a form, as JSON and in parts; names of methods have no case."""
    url = f"{server.api_base}/bot{server.token}"
    parts = aiohttp.FormData({"chat_id": str(chat.id), "caption": "parts"})
    parts.add_field("document", b"as it is", filename="a.bin")
    async with aiohttp.ClientSession() as session:
        await session.get(f"{url}/sendmessage", params={"chat_id": chat.id, "text": "address"})
        await session.post(f"{url}/SENDMESSAGE", data={"chat_id": chat.id, "text": "form"})
        await session.post(f"{url}/sendMessage", json={"chat_id": chat.id, "text": "json"})
        await session.post(f"{url}/sendDocument", data=parts)
        async with session.post(f"{url}/sendMessage", data="{", headers={"Content-Type": "application/json"}) as reply:
            assert reply.status == 400
    assert [each.text for each in server.of_bot(chat)] == ["address", "form", "json", "parts"]
    assert [call.form["chat_id"] for call in server.calls[:4]] == [str(chat.id)] * 4
    assert server.problems() == []


async def test_what_a_client_would_not_do_is_an_error(server: FakeTelegram, chat: Chat, ann: User) -> None:
    """Before the bot hears of it."""
    ben = server.add_user("ben")
    said = await server.send(ann, chat, "x")
    group = server.add_group("friends", ann)
    server.add_member(group, ben, "kicked")
    with pytest.raises(AssertionError, match="does not see the chat"):
        await server.send(ben, chat, "x")
    with pytest.raises(AssertionError, match="ben is not in friends"):
        await server.send(ben, group, "x")
    with pytest.raises(AssertionError, match="the message is elsewhere"):
        await server.send(ann, group, "x", reply_to=said)
    with pytest.raises(AssertionError, match="no empty text"):
        await server.send(ann, chat, " ")
    with pytest.raises(AssertionError, match="no topic 1"):
        await server.send(ann, group, "x", thread=1)


async def test_a_world_may_keep_no_files(server: FakeTelegram, api: telegram.Bot, chat: Chat) -> None:
    """For campaigns: sizes and digests stay, and each change of a message is told."""
    changed: list[Message] = []
    deeds: list[int] = []
    server.keeps_files = False
    server.after_a_change, server.after_a_deed = changed.append, lambda: deeds.append(1)
    sent = await api.send_photo(chat.id, png())
    await sent.edit_caption("x")
    message = chat.messages[sent.message_id]
    assert message.media
    assert (message.media.file.content, message.media.file.size > 0) == (b"", True)
    assert changed == [message, message]
    assert len(deeds) == 2
    assert json.loads(json.dumps(server.calls[-1].response))["result"]["caption"] == "x"
