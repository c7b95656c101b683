"""What the operator decides about Discord."""

from dataclasses import dataclass, field

API_BASE = "https://discord.com/api/v10"
CDN_HOSTS = frozenset(  # where Discord keeps what people attach, and its copies of what links show
    {"cdn.discordapp.com", "media.discordapp.net", "images-ext-1.discordapp.net", "images-ext-2.discordapp.net"}
)


@dataclass(frozen=True, slots=True, kw_only=True)
class DiscordSettings:
    """`api_base` and `gateway` are for people with a proxy, and for tests.

    `has_user_install`: people may add the bot to themselves and take it along into any server.
    """

    token: str = field(repr=False)
    api_base: str = API_BASE
    gateway: str | None = None
    has_user_install: bool = False
