"""An update → who says what, where. Knows nothing of what is asked and asks nobody."""

import re
from dataclasses import dataclass

from telegram import Chat, Document, MaybeInaccessibleMessage, Message, MessageEntity, PhotoSize, Update, User

from bot.cards import Origin
from bot.languages import language_for
from bot.platforms.telegram.address import Where
from bot.platforms.telegram.messages import named_in

ANONYMOUS_ADMIN, CHANNEL_BOT, LINKED_CHANNEL = 1_087_968_824, 136_817_688, 777_000  # Telegram's own accounts
_MEDIA = "image/"


@dataclass(frozen=True, slots=True, kw_only=True)
class Heard:
    """A message that somebody wrote. `words` without a mention of us; `is_for_us`: a command, or an answer to us.

    `file`: a picture in it, else in what it answers; `n_file_bytes`: how large Telegram says that is, 0 for unknown.
    `named`: the request or picture that the message of ours names which it answers; of what somebody sent from their
    history both are there. `album`: the pictures that were sent together. `is_anonymous`: an admin who hides behind the
    group.
    """

    where: Where
    message: Message
    words: str
    is_command: bool
    is_for_us: bool
    file: str | None
    n_file_bytes: int
    named: str | None
    album: str | None = None
    is_anonymous: bool = False


def account_of(update: Update) -> str:
    """Whose update it is, "" where it is nobody's."""
    message = update.message
    if message and message.sender_chat:
        return f"telegram:{message.sender_chat.id}"
    user = update.effective_user
    return f"telegram:{user.id}" if user else ""


def heard(message: Message, bot: User) -> Heard | None:
    """What somebody wrote, if it is anything to us: no posts of channels, no forwarded commands, no other bot's."""
    sender = message.from_user
    if message.is_automatic_forward or sender is None or (sender.is_bot and sender.id != ANONYMOUS_ADMIN):
        return None
    if _is_by(message.via_bot, bot):
        return None  # a picture of their history, which they show to whoever is here
    if message.sender_chat and message.sender_chat.id != message.chat.id:
        return None  # a channel that speaks in a group: nobody we could answer for it
    words = (message.text or message.caption or "").strip()
    mention = _mention(words, bot)
    words = words[len(mention) :].strip()
    is_command = words.startswith(("/", "／"))
    if is_command and (message.forward_origin is not None or _is_for_another(words, bot)):
        return None
    answered = _answered(message)
    is_answer_to_us = answered is not None and _is_by(answered.from_user, bot)
    is_of_history = answered is not None and _is_by(answered.via_bot, bot)
    picture = picture_in(message) or (picture_in(answered) if answered and not is_answer_to_us else None)
    return Heard(
        where=where_of(message, account_of_message(message), sender.language_code),
        message=message,
        words=words,
        is_command=is_command,
        is_for_us=message.chat.type == Chat.PRIVATE or is_command or is_answer_to_us or bool(mention),
        file=picture.file_id if picture else None,
        n_file_bytes=(picture.file_size or 0) if picture else 0,
        named=_named(answered) if answered and (is_answer_to_us or is_of_history) else None,
        album=message.media_group_id,
        is_anonymous=sender.id == ANONYMOUS_ADMIN and message.sender_chat is not None,
    )


def account_of_message(message: Message) -> str:
    """Who wrote it: the person; the group for an admin who hides behind it."""
    if message.sender_chat:
        return f"telegram:{message.sender_chat.id}"
    return f"telegram:{message.from_user.id}" if message.from_user else ""


def where_of(message: MaybeInaccessibleMessage, account: str, language: str | None) -> Where:
    """Where its answer is to be: under it, in its topic. Only in a forum is a thread a topic."""
    chat = message.chat
    thread = message.message_thread_id if isinstance(message, Message) and message.is_topic_message else None
    return Where(
        place=f"telegram:{chat.id}" + (f":{thread}" if thread else ""),
        account=account,
        chat=chat.id,
        thread=thread,
        answering=message.message_id,
        is_shared=chat.type != Chat.PRIVATE,
        language=language_for(language or ""),
    )


def in_chat(chat: Chat, account: str, language: str | None) -> Where:
    """In a chat, in answer to nothing."""
    return Where(
        place=f"telegram:{chat.id}",
        account=account,
        chat=chat.id,
        thread=None,
        answering=None,
        is_shared=chat.type != Chat.PRIVATE,
        language=language_for(language or ""),
    )


def origin_of(where: Where, event_key: str, asker: str, *, answered: str | None, is_admin: bool) -> Origin:
    """Who asks."""
    community = f"telegram:{where.chat}" if where.thread else ""
    return Origin(
        platform="telegram",
        owner=where.account,
        place=where.place,
        reply_to=where.written(),
        event_key=event_key,
        asker=asker,
        answered=answered,
        is_place_shared=where.is_shared,
        is_place_admin=is_admin,
        community=community,
        language=where.language,
    )


def picture_in(message: Message) -> PhotoSize | Document | None:
    """A picture in a message, at its largest: a photo, or a picture sent as a file."""
    if message.photo:
        return message.photo[-1]
    document = message.document
    if document and (document.mime_type or "").startswith(_MEDIA):
        return document
    return None


def _answered(message: Message) -> Message | None:
    """What it answers; everything in a topic that answers nothing else answers what made the topic."""
    answered = message.reply_to_message
    return None if answered is None or answered.forum_topic_created else answered


def _is_by(user: User | None, bot: User) -> bool:
    return user is not None and user.id == bot.id


def _named(message: Message) -> str | None:
    text = message.text or message.caption or ""
    entities: tuple[MessageEntity, ...] = message.entities or message.caption_entities
    return named_in(text, entities)


def _mention(words: str, bot: User) -> str:
    """Our name with an @, where words begin with it; "" where they begin with nobody's or another's that goes on."""
    found = re.match(rf"@{re.escape(bot.username)}(?!\w)", words, re.ASCII | re.IGNORECASE) if bot.username else None
    return found[0] if found else ""


def _is_for_another(words: str, bot: User) -> bool:
    """/imagine@another_bot."""
    command = words.split(maxsplit=1)[0]
    _, _, name = command.partition("@")
    return bool(name) and name.casefold() != (bot.username or "").casefold()
