"""What there is on the fake Telegram, as the Bot API tells it."""

from typing import Any

from tests.fakes.telegram_message import Message
from tests.fakes.telegram_world import CHANNEL_RIGHTS, GROUP_RIGHTS, RIGHTS, Chat, File, Json, Media, Member, User


def user_json(user: User, *, is_me: bool = False) -> Json:
    """A person or a bot. `is_me`: with what only getMe tells."""
    told: Json = {"id": user.id, "is_bot": user.is_bot, "first_name": user.name}
    if user.username:
        told["username"] = user.username
    if not user.is_bot and user.language:
        told["language_code"] = user.language
    return told | _SKILLS if is_me else told


_SKILLS = {
    "can_join_groups": True,
    "can_read_all_group_messages": False,
    "supports_inline_queries": True,
    "can_connect_to_business": False,
    "has_main_web_app": False,
}


def chat_json(chat: Chat) -> Json:
    """As it stands in messages."""
    told: Json = {"id": chat.id, "type": chat.kind}
    if chat.user:
        told["first_name"] = chat.user.name
    else:
        told["title"] = chat.title
    if chat.username:
        told["username"] = chat.username
    if chat.is_forum:
        told["is_forum"] = True
    return told


def full_chat_json(chat: Chat) -> Json:
    """As getChat tells it."""
    gifts = ("unlimited_gifts", "limited_gifts", "unique_gifts", "premium_subscription", "gifts_from_channels")
    told = chat_json(chat) | {
        "accent_color_id": abs(chat.id) % 7,
        "max_reaction_count": 11,
        "accepted_gift_types": dict.fromkeys(gifts, False),
    }
    if chat.linked:
        told["linked_chat_id"] = chat.linked.id
    if chat.kind in ("group", "supergroup"):
        told["permissions"] = dict.fromkeys(sorted(chat.permissions), True)
    return told


def member_json(member: Member, chat: Chat) -> Json:
    """Somebody's place in a chat."""
    told: Json = {"status": member.status, "user": user_json(member.user)}
    if member.is_admin:
        told["is_anonymous"] = member.is_anonymous
        if member.title:
            told["custom_title"] = member.title
    if member.status == "administrator":
        more = CHANNEL_RIGHTS if chat.kind == "channel" else GROUP_RIGHTS
        told |= {"can_be_edited": False, **{right: right in member.rights for right in (*RIGHTS, *more)}}
    if member.status == "kicked":
        told["until_date"] = 0
    return told


def message_json(message: Message, *, is_quoted: bool = False) -> Json:
    """A message. `is_quoted`: as what another answers, without what it answers itself."""
    told: Json = {"message_id": message.id, "date": message.date, "chat": chat_json(message.chat)}
    told |= _sender(message) | _thread(message) | _content(message)
    told |= message.options | message.service
    if message.forward_origin:
        told["forward_origin"] = message.forward_origin
    if message.is_automatic_forward:
        told["is_automatic_forward"] = True
    if message.album:
        told["media_group_id"] = message.album
    if message.is_via_bot:
        told["via_bot"] = user_json(message.world.bot)
    if message.edited_at:
        told["edit_date"] = message.edited_at
    answered = None if is_quoted else _answered(message)
    if answered:
        told["reply_to_message"] = message_json(answered, is_quoted=True)
    if message.markup and "inline_keyboard" in message.markup:
        told["reply_markup"] = message.markup
    return told


def _sender(message: Message) -> Json:
    told: Json = {}
    if message.author:
        told["from"] = user_json(message.author)
    if message.sender_chat:
        told["sender_chat"] = chat_json(message.sender_chat)
    if message.signature:
        told["author_signature"] = message.signature
    return told


def _thread(message: Message) -> Json:
    """In a forum the topic; in other supergroups an answer's thread is the message that the answers began with."""
    if message.thread:
        return {"message_thread_id": message.thread, "is_topic_message": True}
    if message.chat.kind != "supergroup" or message.chat.is_forum or not message.reply_to:
        return {}
    root = message.reply_to
    while root.reply_to:
        root = root.reply_to
    return {"message_thread_id": root.id}


def _answered(message: Message) -> Message | None:
    """What it is a reply to: in a topic, if to nothing else, to the message that the topic began with."""
    if message.reply_to:
        return None if message.reply_to.deleted else message.reply_to
    return message.chat.messages.get(message.thread) if message.thread and message.thread != message.id else None


def _content(message: Message) -> Json:
    text, entities = ("caption", "caption_entities") if message.media else ("text", "entities")
    told: Json = {text: message.text} if message.text else {}
    if message.entities:
        told[entities] = message.entities
    if message.media:
        told |= media_json(message.media)
    return told


def media_json(media: Media) -> Json:
    """The fields of a message that shows it."""
    told: Json = {"has_media_spoiler": True} if media.is_spoiler else {}
    if media.kind == "photo":
        return told | {"photo": [size_json(each) for each in media.sizes]}
    document = _document_json(media.file)
    if media.kind == "document":
        return told | {"document": document}
    seen = {"width": media.file.width, "height": media.file.height, "duration": media.file.duration_s}
    return told | {"document": document, "animation": document | seen}


def size_json(file: File) -> Json:
    """One size of a photo."""
    return file_json(file) | {"width": file.width, "height": file.height}


def file_json(file: File) -> Json:
    """A file, without where it is."""
    return {"file_id": file.id, "file_unique_id": file.unique_id, "file_size": file.size}


def _document_json(file: File) -> Json:
    told = file_json(file)
    if file.name:
        told["file_name"] = file.name
    if file.mime:
        told["mime_type"] = file.mime
    if file.thumbnail:
        told["thumbnail"] = size_json(file.thumbnail)
    return told


def inaccessible_json(message: Message) -> Json:
    """A message that is gone, or too old to be told."""
    return {"chat": chat_json(message.chat), "message_id": message.id, "date": 0}


def origin_json(message: Message) -> Json:
    """Where a forward comes from."""
    told: dict[str, Any] = {"date": message.date}
    if message.chat.kind == "channel":
        return told | {"type": "channel", "chat": chat_json(message.chat), "message_id": message.id}
    if message.sender_chat:
        return told | {"type": "chat", "sender_chat": chat_json(message.sender_chat)}
    assert message.author
    return told | {"type": "user", "sender_user": user_json(message.author)}
