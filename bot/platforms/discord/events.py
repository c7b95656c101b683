"""An interaction → who asks, where, with which rights, and what was filled in. Knows nothing of what is asked."""

from collections.abc import Iterator, Mapping
from typing import Any

import discord

from bot.cards import Origin
from bot.languages import language_for
from bot.platforms.discord.address import Where, account
from engine.errors import UserError

Json = Mapping[str, Any]
Value = str | int | float | bool

FALLBACK_BYTES = 10 * 2**20  # what a place takes, where Discord does not say
_RIGHTS = {
    "view_channel": "View Channel",
    "send_messages": "Send Messages",
    "send_messages_in_threads": "Send Messages in Threads",
    "attach_files": "Attach Files",
}
_ATTACHMENT = 11


def place_of(interaction: discord.Interaction[Any]) -> str:
    """From large to small: a thread lies in its channel, that in its server; direct messages are a place each."""
    if interaction.guild_id is None:
        return f"discord:dm:{interaction.channel_id or interaction.user.id}"
    channel = interaction.channel
    parent = getattr(channel, "parent_id", None) if isinstance(channel, discord.Thread) else None
    inner = f"{parent}:{interaction.channel_id}" if parent else f"{interaction.channel_id}"
    return f"discord:{interaction.guild_id}:{inner}"


def account_of(interaction: discord.Interaction[Any]) -> str:
    """Who it is."""
    return account(interaction.user.id)


def server_of(interaction: discord.Interaction[Any]) -> str:
    """The server as a place, "" in direct messages."""
    return f"discord:{interaction.guild_id}" if interaction.guild_id else ""


def is_member(interaction: discord.Interaction[Any]) -> bool:
    """Whether the bot itself is here and may write: in a server that has it, and in direct messages with it."""
    if interaction.guild_id is not None:
        return interaction.is_guild_integration()
    return not interaction.context.private_channel


def where_of(interaction: discord.Interaction[Any], *, is_own: bool, is_private: bool) -> Where:
    """Where its answer is to be. `is_own`: its first reply is the message of the request."""
    return Where(
        place=place_of(interaction),
        channel=interaction.channel_id or 0,
        user=interaction.user.id,
        interaction=interaction.id,
        token=interaction.token,
        most_bytes=interaction.filesize_limit or FALLBACK_BYTES,
        is_member=is_member(interaction),
        is_own=is_own,
        is_private=is_private,
        is_shared=is_shared(interaction),
        language=language_for(str(interaction.locale)),
    )


def is_shared(interaction: discord.Interaction[Any]) -> bool:
    """Whether others are in this place."""
    return interaction.guild_id is not None or interaction.context.private_channel


def origin_of(interaction: discord.Interaction[Any], where: Where) -> Origin:
    """Who asks. Rights are those that Discord says in this very event."""
    roles = [str(role) for role in getattr(interaction.user, "_roles", ())]  # ids: the cache need not know the roles
    return Origin(
        platform="discord",
        owner=where.account,
        place=where.place,
        reply_to=where.written(),
        event_key=f"d:{interaction.id}",
        asker=interaction.user.display_name,
        is_place_shared=where.is_shared,
        groups=tuple(roles),
        is_place_admin=interaction.guild_id is not None and interaction.permissions.manage_guild,
        community=server_of(interaction),
        is_answer_private=True,
        language=where.language,
        is_age_restricted=_is_age_restricted(interaction.channel),
    )


def is_moderator(interaction: discord.Interaction[Any]) -> bool:
    """Whether Discord lets them take away other people's messages here."""
    return interaction.guild_id is not None and interaction.permissions.manage_messages


def is_on_ephemeral(interaction: discord.Interaction[Any]) -> bool:
    """Whether what was pressed on is seen by them alone."""
    return interaction.message is not None and interaction.message.flags.ephemeral


def _is_age_restricted(channel: object) -> bool:
    """A thread is what its channel is."""
    ask = getattr(channel, "is_nsfw", None)
    return bool(ask()) if callable(ask) else False


def check_rights(interaction: discord.Interaction[Any]) -> None:
    """Whether we may show a picture here, before it is drawn. Raises: UserError that names what is missing."""
    if interaction.guild_id is None or not is_member(interaction):
        return
    is_thread = isinstance(interaction.channel, discord.Thread)
    needed = ["view_channel", "send_messages_in_threads" if is_thread else "send_messages", "attach_files"]
    missing = [_RIGHTS[name] for name in needed if not getattr(interaction.app_permissions, name)]
    if missing:
        names = " and ".join(f"“{name}”" for name in missing)
        right = "right" if len(missing) == 1 else "rights"
        raise UserError(
            f"I cannot show pictures in this channel: I am missing the {right} {names}. Somebody who manages this "
            "server can give it to me under Channel settings, Permissions."
        )


def filled_in(data: Json) -> dict[str, Value]:
    """The options that somebody filled in, but for attachments."""
    return {each["name"]: each["value"] for each in _options(data) if each["type"] != _ATTACHMENT}


def attached(data: Json) -> list[Json]:
    """What somebody attached to a command, as Discord describes it."""
    known = data.get("resolved", {}).get("attachments", {})
    return [known[each["value"]] for each in _options(data) if each["type"] == _ATTACHMENT and each["value"] in known]


def focused(data: Json) -> tuple[str, str]:
    """The option that somebody is typing in, and what they have typed."""
    each = next((each for each in _options(data) if each.get("focused")), {"name": "", "value": ""})
    return str(each["name"]), str(each["value"])


def target(data: Json) -> Json:
    """The message that something is to be done with. Raises: UserError."""
    found = data.get("resolved", {}).get("messages", {}).get(str(data.get("target_id")))
    if not found:
        raise UserError("I cannot see that message; answer with the picture attached instead.")
    return dict(found)


def pictures_in(message: Json) -> list[Json]:
    """Pictures of a message, as Discord describes them: attached, shown in a frame or a preview, or passed on."""
    attached_ones = [each for each in message.get("attachments", []) if _is_picture(each)]
    shown = [item["media"] for part in _all_parts(message.get("components", [])) for item in part.get("items", [])]
    embedded = [_discords_copy(each) for each in _embedded(message)]
    own = [*attached_ones, *(each for each in (*shown, *embedded) if str(each.get("url", "")).startswith("http"))]
    passed_on = [each["message"] for each in message.get("message_snapshots", []) if each.get("message")]
    return [*own, *(picture for each in passed_on for picture in pictures_in(each))]


def _embedded(message: Json) -> Iterator[Json]:
    for each in message.get("embeds", []):
        if found := each.get("image") or each.get("thumbnail"):
            yield found


def _discords_copy(media: Json) -> Json:
    """What a link shows lies elsewhere; Discord keeps a copy."""
    return {**media, "url": media.get("proxy_url") or media.get("url", "")}


def button_ids(message: Json) -> list[str]:
    """The ids of a message's buttons: of ours, they name the picture."""
    return [str(part["custom_id"]) for part in _all_parts(message.get("components", [])) if part.get("custom_id")]


def _is_picture(attachment: Json) -> bool:
    return str(attachment.get("content_type") or "").startswith("image/")


def _options(data: Json) -> list[Json]:
    return list(data.get("options", []))


def _all_parts(components: list[Json]) -> Iterator[Json]:
    for each in components:
        yield each
        yield from _all_parts(each.get("components", []))
