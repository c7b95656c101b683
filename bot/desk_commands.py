"""The desk's commands for everybody: what is their own, and what admins do with the same words. Without behaviour.

What limits and settings there are stands in `bot/desk_values.py`. Knows nothing of who may: that is the desk's.
"""

from bot.desk_values import LIMITS, SETTINGS
from bot.options import Command, Group, Option, OptionKind
from bot.requests import Scope

ACTIONS = ("show", "set", "grant", "reset")  # of /quota
MODEL_ACTIONS = ("list", "use", "default")

_CODE = Option(
    name="code",
    kind=OptionKind.WORDS,
    summary="The code that your other account got",
    takes_rest=True,
    is_common=True,
    default_text="a new code is made",
    example="k3f9-m2q7",
)

YOURS = (
    Command(
        name="quota",
        summary="Show how much may be drawn and was drawn today; admins set it",
        group=Group.YOURS,
        options=(
            Option(
                name="action",
                kind=OptionKind.CHOICE,
                summary="What to do: show it, or as an admin set a limit, grant more for today, or reset today",
                choices=ACTIONS,
                is_common=True,
                default_text="show",
                example="grant",
            ),
            Option(
                name="who",
                kind=OptionKind.WORDS,
                summary="A person; for set also tier:guest, group:42, here or everyone",
                choices=("here", "everyone"),
                is_common=True,
                default_text="you",
                example="@ada",
            ),
            Option(
                name="key",
                kind=OptionKind.CHOICE,
                summary="Which limit to set: tier, or requests a minute, at once, jobs in flight, pictures a day",
                choices=LIMITS,
                default_text="tier",
                example="daily",
            ),
            Option(
                name="value",
                kind=OptionKind.WORDS,
                summary="A tier, a number, unlimited or default; for grant how many standard pictures",
                takes_rest=True,
                is_common=True,
                example="50",
            ),
        ),
        examples=("/quota", "/quota @ada", "/quota grant @ada 20", "/quota set @ada daily 50"),
        aliases=("usage", "limits"),
        is_ordered=True,
    ),
    Command(
        name="settings",
        summary="Show or set how pictures look where nobody says; admins set it for a place",
        group=Group.YOURS,
        options=(
            Option(
                name="scope",
                kind=OptionKind.CHOICE,
                summary="For whom: me, this place, this whole server or group, or all of Darkroom",
                choices=tuple(Scope),
                is_common=True,
                default_text="me",
                example="place",
            ),
            Option(
                name="key",
                kind=OptionKind.CHOICE,
                summary="What to set",
                choices=tuple(SETTINGS),
                is_common=True,
                default_text="all are shown",
                example="size",
            ),
            Option(
                name="value",
                kind=OptionKind.WORDS,
                summary="Its value; default: as it was at first",
                takes_rest=True,
                is_common=True,
                example="512x512",
            ),
        ),
        examples=("/settings", "/settings me pictures 4", "/settings place visibility spoiler"),
        aliases=("config", "preferences"),
        is_ordered=True,
    ),
    Command(
        name="model",
        summary="List the models, or choose which one draws for you",
        group=Group.YOURS,
        options=(
            Option(
                name="action",
                kind=OptionKind.CHOICE,
                summary="List them, use one yourself, or as an admin make it everybody's default here",
                choices=MODEL_ACTIONS,
                is_common=True,
                default_text="list",
                example="use",
            ),
            Option(
                name="model",
                kind=OptionKind.WORDS,
                summary="Its name; default: as it was at first",
                takes_rest=True,
                is_common=True,
                example="pocket",
            ),
        ),
        examples=("/model", "/model use pocket", "/model default pocket"),
        aliases=("models",),
        is_ordered=True,
    ),
    Command(
        name="collect",
        summary="Show here what could not be delivered to you",
        group=Group.YOURS,
        examples=("/collect",),
    ),
    Command(
        name="link",
        summary="Be one person on several platforms: get a code here, and give it there",
        group=Group.YOURS,
        options=(_CODE,),
        examples=("/link", "/link k3f9-m2q7"),
        aliases=("connect",),
        is_ordered=True,
    ),
    Command(
        name="unlink",
        summary="Let this account stand for itself again",
        group=Group.YOURS,
        examples=("/unlink",),
        aliases=("disconnect",),
    ),
    Command(
        name="privacy",
        summary="Say what is kept about you, for how long, and who sees it",
        group=Group.YOURS,
        examples=("/privacy",),
    ),
    Command(
        name="mydata",
        summary="Get everything that is kept about you, as a file",
        group=Group.YOURS,
        examples=("/mydata",),
        aliases=("export",),
    ),
    Command(
        name="forget",
        summary="Delete everything that is kept about you; asks first",
        group=Group.YOURS,
        examples=("/forget",),
        aliases=("forgetme",),
    ),
    Command(
        name="claim",
        summary="Become the operator, with the code that was printed at the first start",
        group=Group.YOURS,
        options=(
            Option(
                name="code",
                kind=OptionKind.WORDS,
                summary="The code from the terminal or the log",
                is_required=True,
                takes_rest=True,
                is_common=True,
                example="k3f9-m2q7",
            ),
        ),
        examples=("/claim k3f9-m2q7",),
        is_ordered=True,
    ),
)
