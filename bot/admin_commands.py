"""The commands that are for admins of a place and operators alone. Without behaviour.

`rank` is whom help and menus show them to. Knows nothing of who may: that is the desk's.
"""

from bot.options import Audience, Command, Group, Option, OptionKind

MAX_DAYS = 90  # of /stats: a chart that long is still read
MAX_AUDIT_PAGE = 10_000

_PERSON = Option(
    name="who",
    kind=OptionKind.WORDS,
    summary="A name, a mention, an account, or a request of theirs",
    is_required=True,
    is_common=True,
    example="@ada",
)
_LET_IN = Option(
    name="who",
    kind=OptionKind.WORDS,
    summary="A person, here (all in this place), or everyone",
    choices=("here", "everyone"),
    is_required=True,
    is_common=True,
    example="@ada",
)
_AS_AT_FIRST = Option(
    name="default",
    kind=OptionKind.FLAG,
    summary="As it was at first, neither let in nor kept out",
    flags=("--default",),
    default_text="no",
)
_EVERYWHERE = Option(
    name="everywhere",
    kind=OptionKind.FLAG,
    summary="In all of Darkroom, for operators",
    flags=("--everywhere",),
    is_common=True,
    default_text="in this place",
)

ADMINS = (
    Command(
        name="ban",
        summary="Refuse somebody, here or everywhere, for a time or until it is lifted",
        group=Group.ADMINS,
        rank=Audience.ADMIN,
        options=(
            _PERSON,
            Option(
                name="reason",
                kind=OptionKind.WORDS,
                summary="Why; they read it",
                takes_rest=True,
                is_common=True,
                default_text="none is told",
                example="floods the channel",
            ),
            Option(
                name="for",
                kind=OptionKind.DURATION,
                summary="For how long: 30m, 12h, 7d or 2 weeks",
                flags=("--for",),
                is_common=True,
                default_text="until it is lifted",
                example="7d",
            ),
            _EVERYWHERE,
        ),
        examples=("/ban @ada", "/ban @ada floods the channel --for 7d", '/ban "@Ada Lovelace" --for 2 weeks'),
        aliases=("block",),
        is_ordered=True,
    ),
    Command(
        name="unban",
        summary="Lift a ban",
        group=Group.ADMINS,
        rank=Audience.ADMIN,
        options=(_PERSON, _EVERYWHERE),
        examples=("/unban @ada", "/unban @ada --everywhere"),
        aliases=("unblock", "pardon"),
        is_ordered=True,
    ),
    Command(
        name="bans",
        summary="Show who is banned, why, and until when",
        group=Group.ADMINS,
        rank=Audience.ADMIN,
        examples=("/bans",),
    ),
    Command(
        name="allow",
        summary="Let a person in, all in this place, or everyone on this platform",
        group=Group.ADMINS,
        rank=Audience.OPERATOR,
        options=(_LET_IN, _AS_AT_FIRST),
        examples=("/allow @ada", "/allow here", "/allow everyone"),
        is_ordered=True,
    ),
    Command(
        name="deny",
        summary="Keep a person out, all in this place, or everyone on this platform",
        group=Group.ADMINS,
        rank=Audience.OPERATOR,
        options=(_LET_IN, _AS_AT_FIRST),
        examples=("/deny @ada", "/deny here", "/deny @ada --default"),
        aliases=("disallow",),
        is_ordered=True,
    ),
    Command(
        name="pause",
        summary="Stop drawing and free the device; what is asked waits",
        group=Group.ADMINS,
        rank=Audience.OPERATOR,
        examples=("/pause",),
    ),
    Command(
        name="resume",
        summary="Draw again, and take new requests again",
        group=Group.ADMINS,
        rank=Audience.OPERATOR,
        examples=("/resume",),
    ),
    Command(
        name="drain",
        summary="Draw what waits, and take nothing new",
        group=Group.ADMINS,
        rank=Audience.OPERATOR,
        examples=("/drain",),
    ),
    Command(
        name="stats",
        summary="Show pictures, seconds, waits and people of the last days, with a chart",
        group=Group.ADMINS,
        rank=Audience.OPERATOR,
        options=(
            Option(
                name="days",
                kind=OptionKind.WHOLE,
                summary="Of how many days",
                flags=("--days",),
                low=1,
                high=MAX_DAYS,
                is_common=True,
                default_text="30",
                example="7",
            ),
        ),
        examples=("/stats", "/stats 7"),
        aliases=("statistics",),
        is_ordered=True,
    ),
    Command(
        name="audit",
        summary="Show what admins did, newest first",
        group=Group.ADMINS,
        rank=Audience.ADMIN,
        options=(
            Option(
                name="page",
                kind=OptionKind.WHOLE,
                summary="Which page; 1 has the newest",
                flags=("--page",),
                low=1,
                high=MAX_AUDIT_PAGE,
                is_common=True,
                default_text="1",
                example="2",
            ),
        ),
        examples=("/audit", "/audit --page 2"),
        is_ordered=True,
    ),
)
