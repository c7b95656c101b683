"""The commands, once: a table without behaviour. Parser, help, the page's forms and every chat's menu are made from it.

An option is given by one of its flags, and also without one where it is a picture, a choice or a yes among the words;
the option that takes the rest without a flag is the command's text. Encodes to JSON with msgspec as it stands. Knows
nothing of how words are read: that is `bot/parser.py`.
"""

from bot.admin_commands import ADMINS
from bot.desk_commands import YOURS
from bot.options import (
    LOOK,
    NEGATIVE,
    PICTURES,
    PROMPT,
    SOURCE,
    UPLOAD,
    Audience,
    Command,
    Group,
    Option,
    OptionKind,
)
from bot.requests import Axis
from engine.domain import MAX_PICTURES

__all__ = [
    "ADMIN_TOPIC",
    "COMMANDS",
    "MODEL_TOPIC",
    "PRIVACY_TOPIC",
    "TOPICS",
    "Audience",
    "Command",
    "Group",
    "Option",
    "OptionKind",
]

# Of /help, beside the commands. "model" is a command as well: what it says of the model is what people look for.
MODEL_TOPIC, ADMIN_TOPIC, PRIVACY_TOPIC = "model", "admin", "privacy"
MAX_HISTORY_PAGE = 10_000


_MAKING = (
    Command(
        name="imagine",
        summary="Draw pictures from words",
        group=Group.MAKING,
        options=(PROMPT, NEGATIVE, PICTURES, *LOOK, UPLOAD),
        examples=(
            "/imagine a red circle on a blue background",
            "/imagine a green triangle on yellow --n 4 --seed 7",
            "/imagine a {red,blue} {circle,square} on white",
        ),
        aliases=("draw",),
    ),
    Command(
        name="remix",
        summary="Redraw a picture by words: an upload, a drawing, or an earlier one",
        group=Group.MAKING,
        options=(
            Option(
                name="prompt",
                kind=OptionKind.WORDS,
                summary="What to make of it. Flags work in here too",
                takes_rest=True,
                is_common=True,
                default_text="the picture's own words",
                example="a green square on a blue background",
            ),
            SOURCE,
            UPLOAD,
            NEGATIVE,
            PICTURES,
            *LOOK,
        ),
        examples=(
            "/remix a green square on a blue background",
            "/remix k3f9m2q7xa.2 a yellow ring on navy --strength 0.6",
        ),
        aliases=("img2img",),
    ),
    Command(
        name="upscale",
        summary="Enlarge a picture, with or without redrawing its details",
        group=Group.MAKING,
        options=(
            SOURCE,
            Option(
                name="factor",
                kind=OptionKind.CHOICE,
                summary="How many times as wide and high",
                choices=("2", "4"),
                is_common=True,
                default_text="2",
                example="4",
            ),
            Option(
                name="refine",
                kind=OptionKind.FLAG,
                summary="Let the model redraw the details at the new size",
                flags=("--refine",),
                is_common=True,
                default_text="no",
            ),
            UPLOAD,
        ),
        examples=("/upscale", "/upscale k3f9m2q7xa.2 4", "/upscale k3f9m2q7xa.2 2 refine"),
        aliases=("enlarge",),
    ),
    Command(
        name="vary",
        summary="Draw variations of a picture: the same words, new seeds",
        group=Group.MAKING,
        options=(
            SOURCE,
            Option(
                name="change",
                kind=OptionKind.CHOICE,
                summary="How much to repaint",
                choices=("subtle", "strong"),
                is_common=True,
                default_text="subtle",
                example="strong",
            ),
            Option(
                name="pictures",
                kind=OptionKind.WHOLE,
                summary="How many variations",
                flags=("--n", "--pictures"),
                low=1,
                high=MAX_PICTURES,
                default_text=str(MAX_PICTURES),
                example="2",
            ),
            UPLOAD,
        ),
        examples=("/vary", "/vary k3f9m2q7xa.2 strong"),
        aliases=("variations",),
    ),
    Command(
        name="again",
        summary="Draw the same recipe with a new seed",
        group=Group.MAKING,
        options=(SOURCE, UPLOAD),
        examples=("/again", "/again k3f9m2q7xa.2"),
        aliases=("reroll",),
    ),
    Command(
        name="compare",
        summary="Draw one prompt and seed over several settings, as a labelled grid",
        group=Group.MAKING,
        options=(
            PROMPT,
            Option(
                name="over",
                kind=OptionKind.CHOICE,
                summary="What differs: sampler, steps, guidance, strength or model",
                flags=("--over",),
                choices=tuple(Axis),
                is_required=True,
                takes_rest=True,
                is_common=True,
                example="guidance",
            ),
            Option(
                name="values",
                kind=OptionKind.WORDS,
                summary="Its values, two to nine, with commas between",
                flags=("--values",),
                takes_rest=True,
                is_common=True,
                example="2,4,8",
            ),
            SOURCE,
            UPLOAD,
            NEGATIVE,
            *LOOK,
        ),
        examples=(
            "/compare a red circle on white --over guidance 2,4,8",
            "/compare a blue square on yellow --over sampler ddim, euler, Euler a, DPM++ 2M",
        ),
    ),
)
_LOOKING = (
    Command(
        name="show",
        summary="Show one picture alone, with everything that can be done with it",
        group=Group.LOOKING,
        options=(SOURCE,),
        examples=("/show k3f9m2q7xa.2",),
    ),
    Command(
        name="history",
        summary="Find your own pictures, newest first",
        group=Group.LOOKING,
        options=(
            Option(
                name="words",
                kind=OptionKind.WORDS,
                summary="Words of the prompt, or a seed",
                takes_rest=True,
                is_common=True,
                default_text="all pictures",
                example="red circle",
            ),
            Option(
                name="page",
                kind=OptionKind.WHOLE,
                summary="Which page; 1 has the newest",
                flags=("--page",),
                low=1,
                high=MAX_HISTORY_PAGE,
                is_common=True,
                default_text="1",
                example="2",
            ),
        ),
        examples=("/history", "/history red circle", "/history red circle --page 2"),
        aliases=("gallery",),
    ),
    Command(
        name="recipe",
        summary="Say how a picture was made, one of ours or any that carries it",
        group=Group.LOOKING,
        options=(SOURCE, UPLOAD),
        examples=("/recipe", "/recipe k3f9m2q7xa.2"),
    ),
    Command(
        name="original",
        summary="Get the lossless original of a picture as a file",
        group=Group.LOOKING,
        options=(SOURCE,),
        examples=("/original", "/original k3f9m2q7xa.2"),
        aliases=("file", "download"),
    ),
    Command(
        name="queue",
        summary="Show what waits and what is being drawn",
        group=Group.LOOKING,
        options=(
            Option(
                name="all",
                kind=OptionKind.FLAG,
                summary="Everybody's, for admins",
                flags=("--all",),
                is_common=True,
                default_text="yours",
            ),
        ),
        examples=("/queue", "/queue all"),
    ),
    Command(
        name="cancel",
        summary="Take a request back",
        group=Group.LOOKING,
        options=(
            Option(
                name="request",
                kind=OptionKind.PICTURE,
                summary="The name of the request",
                is_common=True,
                default_text="your newest that is not finished",
                example="k3f9m2q7xa",
            ),
            Option(
                name="any",
                kind=OptionKind.FLAG,
                summary="Also somebody else's, for admins",
                flags=("--any",),
                default_text="yours alone",
            ),
        ),
        examples=("/cancel", "/cancel k3f9m2q7xa", "/cancel any k3f9m2q7xa"),
        aliases=("stop",),
    ),
)


_ALL_BUT_HELP = (*_MAKING, *_LOOKING, *YOURS, *ADMINS)
_NAMES = tuple(command.name for command in _ALL_BUT_HELP)
TOPICS: tuple[str, ...] = tuple(dict.fromkeys((MODEL_TOPIC, ADMIN_TOPIC, PRIVACY_TOPIC, *_NAMES, "help")))
_HELP = Command(
    name="help",
    summary="Say what can be done here, and what the model is good at",
    group=Group.LOOKING,
    options=(
        Option(
            name="topic",
            kind=OptionKind.WORDS,
            summary="A command, model, privacy, or admin: what admins can do",
            choices=TOPICS,
            is_common=True,
            default_text="all commands",
            example="imagine",
        ),
    ),
    examples=("/help", "/help imagine", "/help model"),
    aliases=("start",),
    is_ordered=True,
)

COMMANDS: tuple[Command, ...] = (*_MAKING, *_LOOKING, _HELP, *YOURS, *ADMINS)
