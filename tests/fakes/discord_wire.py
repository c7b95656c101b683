"""The fake Discord's things as Discord writes them in JSON. Changes nothing."""

from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any

from tests.fakes.discord_rules import (
    BUTTON,
    CONTAINER,
    FILE,
    GALLERY,
    SELECT,
    SELECTS,
    SEPARATOR,
    THUMBNAIL,
    media,
    walk,
)
from tests.fakes.discord_world import ALL, Attachment, Channel, Guild, Json, Member, Message, Role, User


def written(at: datetime) -> str:
    """A time."""
    return at.isoformat()


def created(id: int) -> str:  # noqa: A002 - what Discord calls it
    """When a snowflake was made."""
    return written(datetime.fromtimestamp(((id >> 22) + 1_420_070_400_000) / 1000, UTC))


def user_json(user: User) -> Json:
    """A user as others see it."""
    return {
        "id": str(user.id),
        "username": user.name,
        "global_name": None if user.is_bot else user.name.title(),
        "avatar": None,
        "discriminator": "0",
        "public_flags": 0,
        "flags": 0,
        "primary_guild": None,
        "bot": user.is_bot,
        "system": False,
    }


def me_json(user: User) -> Json:
    """The bot as it sees itself."""
    return user_json(user) | {"mfa_enabled": True, "locale": "en-US", "email": None, "verified": True}


def member_json(member: Member, permissions: int | None = None) -> Json:
    """A member; with `permissions` as in an interaction."""
    told: Json = {
        "user": user_json(member.user),
        "roles": [str(role) for role in member.roles],
        "nick": None,
        "avatar": None,
        "joined_at": created(member.user.id),
        "premium_since": None,
        "communication_disabled_until": None,
        "deaf": False,
        "mute": False,
        "pending": False,
        "flags": 0,
    }
    return told if permissions is None else told | {"permissions": str(permissions)}


def role_json(role: Role) -> Json:
    """A role."""
    return {
        "id": str(role.id),
        "name": role.name,
        "color": 0,
        "colors": {"primary_color": 0, "secondary_color": None, "tertiary_color": None},
        "hoist": False,
        "position": 0,
        "permissions": str(role.permissions),
        "managed": False,
        "mentionable": False,
        "flags": 0,
        "icon": None,
        "unicode_emoji": None,
    }


def channel_json(channel: Channel) -> Json:
    """A channel of any kind."""
    told: Json = {"id": str(channel.id), "type": channel.type, "flags": 0}
    if channel.kind != "forum":
        told["last_message_id"] = str(channel.messages[-1].id) if channel.messages else None
    if channel.guild is None:
        return told | {"recipients": [user_json(user) for user in channel.recipients]}
    told |= {
        "guild_id": str(channel.guild.id),
        "name": channel.name,
        "parent_id": str(channel.parent.id) if channel.parent else None,
        "rate_limit_per_user": 0,
    }
    if channel.kind == "thread":
        return told | _thread_json(channel)
    told |= {"position": 0, "permission_overwrites": [], "nsfw": channel.is_nsfw, "topic": None}
    if channel.kind == "forum":
        told |= {
            "available_tags": [],
            "default_reaction_emoji": None,
            "default_sort_order": None,
            "default_forum_layout": 0,
        }
    return told


def _thread_json(thread: Channel) -> Json:
    assert thread.guild
    return {
        "owner_id": str(thread.guild.owner.id),
        "message_count": len(thread.messages),
        "total_message_sent": len(thread.messages),
        "member_count": 1,
        "thread_metadata": {
            "archived": thread.is_archived,
            "archive_timestamp": created(thread.id),
            "auto_archive_duration": 4320,
            "locked": thread.is_locked,
            "create_timestamp": created(thread.id),
        },
    }


def guild_json(guild: Guild, bot: User) -> Json:
    """A server as GUILD_CREATE tells it to a bot that may not see its members; who was there before has `unavailable`
    too, and discord.py takes one without it for new.
    """
    channels = [each for each in guild.channels.values() if not each.is_gone]
    return {
        "id": str(guild.id),
        "name": guild.name,
        "owner_id": str(guild.owner.id),
        "joined_at": created(guild.id),
        "large": False,
        "member_count": len(guild.members) + 1,
        "members": [member_json(Member(user=bot))],
        "roles": [role_json(role) for role in guild.roles.values()],
        "channels": [channel_json(each) for each in channels if each.kind != "thread"],
        "threads": [channel_json(each) for each in channels if each.kind == "thread" and not each.is_archived],
        "preferred_locale": guild.locale,
        "features": [],
        "verification_level": 0,
        "default_message_notifications": 0,
        "explicit_content_filter": 0,
        "mfa_level": 0,
        "nsfw_level": 0,
        "premium_tier": 0,
        "premium_progress_bar_enabled": False,
        "afk_timeout": 300,
        "system_channel_flags": 0,
        **{key: [] for key in ("emojis", "stickers", "voice_states", "presences", "stage_instances")},
        **{key: [] for key in ("guild_scheduled_events", "soundboard_sounds")},
        **dict.fromkeys(("afk_channel_id", "application_id", "banner", "description", "discovery_splash")),
        **dict.fromkeys(("hub_type", "icon", "incidents_data", "public_updates_channel_id", "rules_channel_id")),
        **dict.fromkeys(("safety_alerts_channel_id", "splash", "system_channel_id", "vanity_url_code")),
    }


def attachment_json(attachment: Attachment) -> Json:
    """A file with its address."""
    told: Json = {
        "id": str(attachment.id),
        "filename": attachment.filename,
        "size": attachment.size,
        "url": attachment.url,
        "proxy_url": attachment.url,
        "content_type": attachment.content_type,
    }
    if attachment.description:
        told["description"] = attachment.description
    if attachment.width is not None:
        told |= {"width": attachment.width, "height": attachment.height}
    if attachment.is_ephemeral:
        told["ephemeral"] = True
    if attachment.is_spoiler:
        told["flags"] = 1 << 3
    return told


def message_json(message: Message) -> Json:
    """A message, its components resolved; files that embeds and components show are not in `attachments` (docs)."""
    by_url = _by_url(message)
    shown = {each.id for each in _shown(message, by_url)}
    told: Json = {
        "id": str(message.id),
        "channel_id": str(message.channel.id),
        "type": message.type,
        "content": message.content,
        "author": user_json(message.author),
        "timestamp": written(message.created_at),
        "edited_timestamp": written(message.edited_at) if message.edited_at else None,
        "tts": False,
        "mention_everyone": False,
        "mentions": [],
        "mention_roles": [],
        "pinned": False,
        "flags": message.flags,
        "attachments": [attachment_json(each) for each in message.attachments if each.id not in shown],
        "embeds": [_embed(each, by_url) for each in message.embeds],
        "components": resolved(message.components, by_url),
    }
    if message.nonce is not None:
        told["nonce"] = message.nonce
    if message.interaction:
        told["application_id"] = told["webhook_id"] = str(message.world.application_id)
        told["interaction_metadata"] = message.interaction.metadata()
    if message.reply_to:
        told["message_reference"] = {
            "type": 0,
            "channel_id": str(message.reply_to.channel.id),
            "message_id": str(message.reply_to.id),
        }
        told["referenced_message"] = None
    return told


def _by_url(message: Message) -> dict[str, Attachment]:
    """By every address under which a component may name it."""
    urls = {each.url: each for each in message.attachments}
    return urls | {f"attachment://{each.filename}": each for each in message.attachments}


def _shown(message: Message, by_url: dict[str, Attachment]) -> Iterable[Attachment]:
    urls = [str(item.get("url")) for _, each in walk(message.components) for _, item in media(each)]
    urls += [str((embed.get(name) or {}).get("url")) for embed in message.embeds for name in ("image", "thumbnail")]
    return (by_url[url] for url in urls if url in by_url)


def _embed(embed: Json, by_url: dict[str, Attachment]) -> Json:
    told = {**embed, "type": "rich"}
    for name in ("image", "thumbnail"):
        file = by_url.get(str((embed.get(name) or {}).get("url")))
        if file:
            told[name] = {"url": file.url, "proxy_url": file.url, "width": file.width or 0, "height": file.height or 0}
    return told


def resolved(components: list[Json], by_url: dict[str, Attachment]) -> list[Json]:
    """As they come back: with ids, with defaults, with the files' addresses."""
    taken = {each["id"] for _, each in walk(components) if each.get("id")}
    free = (number for number in range(1, 1000) if number not in taken)
    return [_component(each, free, by_url) for each in components]


def _component(component: Json, free: Any, by_url: dict[str, Attachment]) -> Json:
    kind = component["type"]
    told: Json = {key: value for key, value in component.items() if value is not None}
    told["id"] = component.get("id") or next(free)
    if "components" in component:
        told["components"] = [_component(each, free, by_url) for each in component["components"]]
    if "accessory" in component:
        told["accessory"] = _component(component["accessory"], free, by_url)
    if kind in SELECTS:
        told.setdefault("min_values", 1)
        told.setdefault("max_values", 1)
        if kind == SELECT:
            told["options"] = [{k: v for k, v in each.items() if v is not None} for each in component["options"]]
    elif kind == CONTAINER:
        told.setdefault("accent_color", None)
        told.setdefault("spoiler", False)
    elif kind == SEPARATOR:
        told.setdefault("spacing", 1)
        told.setdefault("divider", True)
    elif kind == BUTTON and "emoji" in told:
        told["emoji"] = {"id": None, **told["emoji"]} if told["emoji"].get("id") is None else told["emoji"]
    else:
        told |= _pictures(kind, component, by_url)
    return told


def _pictures(kind: int, component: Json, by_url: dict[str, Attachment]) -> Json:
    if kind == GALLERY:
        return {
            "items": [
                {
                    "media": _media(item["media"], by_url),
                    "description": item.get("description"),
                    "spoiler": bool(item.get("spoiler")),
                }
                for item in component["items"]
            ]
        }
    if kind == THUMBNAIL:
        return {
            "media": _media(component["media"], by_url),
            "description": component.get("description"),
            "spoiler": bool(component.get("spoiler")),
        }
    if kind == FILE:
        file = by_url.get(component["file"]["url"])
        return {
            "file": _media(component["file"], by_url),
            "name": file.filename if file else None,
            "size": file.size if file else None,
            "spoiler": bool(component.get("spoiler")),
        }
    return {}


def _media(item: Json, by_url: dict[str, Attachment]) -> Json:
    file = by_url.get(item["url"])
    if file is None:
        return {"id": "1", "url": item["url"], "proxy_url": item["url"], "loading_state": 2}
    return {
        "id": str(file.id),
        "url": file.url,
        "proxy_url": file.url,
        "width": file.width,
        "height": file.height,
        "content_type": file.content_type,
        "loading_state": 2,
        "attachment_id": str(file.id),
    }


def application_json(application_id: int, owner: User, bot: User, n_guilds: int) -> Json:
    """The application as its bot sees it."""
    return {
        "id": str(application_id),
        "name": bot.name,
        "icon": None,
        "description": "",
        "type": None,
        "bot": user_json(bot),
        "bot_public": True,
        "bot_require_code_grant": False,
        "verify_key": "0" * 64,
        "flags": 0,
        "flags_new": "0",
        "redirect_uris": [],
        "interactions_endpoint_url": None,
        "role_connections_verification_url": None,
        "owner": user_json(owner),
        "team": None,
        "summary": "",
        "approximate_guild_count": n_guilds,
        "approximate_user_install_count": 0,
        "approximate_user_authorization_count": 0,
        "explicit_content_filter": 0,
        "eligible_oauth2_scopes": [],
        "integration_types_config": {
            "0": {"oauth2_install_params": {"scopes": ["applications.commands", "bot"], "permissions": str(ALL)}},
            "1": {"oauth2_install_params": {"scopes": ["applications.commands"], "permissions": "0"}},
        },
    }
