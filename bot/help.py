"""What can be said about the commands and the model, made from the table and the catalogue. Pure.

`python -m bot.help` prints the README's table of commands.
"""

import difflib

from bot.cards import Field
from bot.commands import ADMIN_TOPIC, COMMANDS, MODEL_TOPIC, TOPICS, Audience, Command
from bot.desk_values import LIMIT_UNITS, SETTINGS
from bot.options import Option, OptionKind
from bot.typography import shown
from engine.catalog import Entry
from engine.errors import UserError

POCKET = "pocket"
_FLAGS_HINT = "Flags such as --seed 7 work anywhere in the words; {red,blue} draws one of each. /help imagine has all."
_BY_NAME = {name: command for command in COMMANDS for name in (command.name, *command.aliases)}
_KEYS = {
    "quota": LIMIT_UNITS,
    "settings": {key: f"{one.can_be}; for {', '.join(one.scopes)}" for key, one in SETTINGS.items()},
}
_CLIP_TOKENS = 77  # CLIPTokenizer.model_max_length, of every Stable Diffusion 1 and 2
# From engine/pocket/MODEL_CARD.md: "Evaluation" and "What it cannot do".
_POCKET_FIELDS = (
    ("Good at", "One flat shape in one colour on a plain background, such as: a red circle on a blue background."),
    ("Shapes", "Squares, triangles, rings and circles come out in four of five pictures; hearts and crosses in half."),
    ("Bad at", "Diamonds come out in a third; stars and hexagons mostly fail. No counting, people, animals or text."),
    ("Colours", "Colours and backgrounds are nearly always as asked; it knows 70 words of English."),
    ("Length", "It reads 32 tokens, about 30 words; what comes after is not read."),
    ("Samplers", "All work from 8 steps on, but PLMS needs 30: with fewer it leaves noise."),
    ("Remix", "Strength 0.2 recolours already; from 0.5 on the new words decide."),
)
_GENERAL_FIELDS = (
    ("Good at", "Scenes, portraits, landscapes and styles that have been photographed or painted often."),
    ("Bad at", "Letters in the picture, hands and fingers, counting, and left and right."),
    ("Length", f"It reads {_CLIP_TOKENS} tokens, about 60 words, and nothing after: put what matters first."),
    ("Words", "It was taught mostly English. What it does not know has no effect, or a strange one."),
)


_WHO = {
    Audience.EVERYBODY: "",
    Audience.ADMIN: " For admins of a place, within it, and operators.",
    Audience.OPERATOR: " For operators.",
}
_ADMIN_HINT = "Admins of a place can use these within it, operators everywhere. What is done stands in /audit."
# What everybody's commands do beyond their own for admins.
_BESIDES = "/queue all, /cancel any, /settings place, /model default and /quota set; for operators also /settings all."
_PRIVACY_FIELDS = (
    ("Kept", "What you ask, the pictures with their recipes, the name you show, and what you set: /settings me."),
    (
        "Where",
        "On the computer that runs this Darkroom, and in the chat where you asked. Nothing is sent anywhere else.",
    ),
    (
        "Who sees it",
        "The page shows your pictures to you alone; in a shared chat everybody there sees what is made there, and "
        "whoever has a link of yours to a picture sees that one.",
    ),
    ("How long", "Until you delete it, or for the days that the operator set."),
    ("Get it", "/mydata gives you everything as a file."),
    ("Delete it", "Delete under a message, or /forget for everything, also the pictures."),
    ("What stays then", "A mark that only your account fits, so that a ban or today's quota cannot be forgotten away."),
)


def help_for(topic: str, entry: Entry) -> tuple[str, tuple[Field, ...]]:
    """A sentence and what belongs under it: everybody's commands for "", one in full, the model, what admins can do.

    Raises: UserError for a topic there is not, naming the nearest.
    """
    topic = topic_named(topic)
    match topic:
        case "":
            return _FLAGS_HINT, _everybodys()
        case "model":
            sentence, fields = _about(entry)
            return sentence, (*fields, *_in_full(_BY_NAME[MODEL_TOPIC]))
        case "admin":
            return _ADMIN_HINT, _admins()
        case "privacy":
            fields = tuple(Field(name=name, value=value) for name, value in _PRIVACY_FIELDS)
            return "What is kept about you, and what you can do about it:", fields
        case _:
            command = _BY_NAME[topic]
            return f"/{command.name}: {_lower(command.summary)}.{_WHO[command.rank]}", _in_full(command)


def topic_named(written: str) -> str:
    """A topic of help as the table spells it, "" for all. Raises: UserError, naming the nearest."""
    topic = written.strip().removeprefix("/").casefold()
    if not topic or topic in TOPICS:
        return topic
    if topic in _BY_NAME:
        return _BY_NAME[topic].name
    if topic.removesuffix("s") == ADMIN_TOPIC or topic == Audience.OPERATOR:
        return ADMIN_TOPIC
    near = difflib.get_close_matches(topic[:100], (*_BY_NAME, *TOPICS), n=1)
    hint = f"did you mean /help {near[0]}?" if near else "/help lists what there is."
    raise UserError(f"There is no help on {shown(topic)}; {hint}")


def readme_table() -> str:
    """The commands as tables in Markdown: everybody's, then what is for admins."""
    everybodys = [_row(command) for command in COMMANDS if command.rank is Audience.EVERYBODY]
    admins = [f"{_row(command)} {command.rank} |" for command in COMMANDS if command.rank is not Audience.EVERYBODY]
    return "\n".join(
        (
            "| command | what it does | what can be said with it | example |",
            "|---|---|---|---|",
            *everybodys,
            "",
            "| for admins | what it does | what can be said with it | example | from |",
            "|---|---|---|---|---|",
            *admins,
        )
    )


def option_line(option: Option) -> str:
    """What an option is, what it may be and what holds without it, in one line."""
    choices = "" if set(option.choices) <= set(option.summary.replace(",", "").split()) else ", ".join(option.choices)
    bounds = "" if option.low is None or option.high is None else f"{_told(option.low)} to {_told(option.high)}"
    otherwise = f"else {option.default_text}" if option.default_text else ""
    return "; ".join(part for part in (option.summary, choices, bounds, otherwise) if part) + "."


def _row(command: Command) -> str:
    said = _options_in_short(command)
    return f"| `/{command.name}` | {command.summary} | {said} | `{command.examples[-1]}` |"


def _everybodys() -> tuple[Field, ...]:
    """One line a command, and one for all that is for admins."""
    own = [command for command in COMMANDS if command.rank is Audience.EVERYBODY]
    others = ", ".join(f"/{command.name}" for command in COMMANDS if command.rank is not Audience.EVERYBODY)
    fields = (Field(name=f"/{command.name}", value=f"{command.summary}.") for command in own)
    return (*fields, Field(name=f"/help {ADMIN_TOPIC}", value=f"What admins can do: {others}."))


def _admins() -> tuple[Field, ...]:
    """Everything that not everybody may."""
    fields = (
        Field(
            name=f"/{command.name}",
            value=f"{command.summary}.{' For operators.' * (command.rank is Audience.OPERATOR)}",
        )
        for command in COMMANDS
        if command.rank is not Audience.EVERYBODY
    )
    return (*fields, Field(name="And", value=_BESIDES))


def _in_full(command: Command) -> tuple[Field, ...]:
    options = (Field(name=_names(option), value=option_line(option)) for option in command.options)
    keys = tuple(Field(name=key, value=f"{what}.") for key, what in _KEYS.get(command.name, {}).items())
    examples = (Field(name="Example", value=example, is_copyable=True) for example in command.examples)
    return (*options, *keys, *examples)


def _about(entry: Entry) -> tuple[str, tuple[Field, ...]]:
    known = _POCKET_FIELDS if entry.name == POCKET else _GENERAL_FIELDS
    size = Field(
        name="Size",
        value=f"It was taught at about {entry.width_px} x {entry.height_px} px; other sizes work, and less well.",
    )
    without = Field(
        name="Without flags",
        value=f"{entry.steps} steps of {entry.sampler} with guidance {entry.guidance:g}.",
    )
    fields = tuple(Field(name=name, value=value) for name, value in known)
    licence = Field(name="Licence", value=f"{entry.licence[:1].upper()}{entry.licence[1:]}.")
    return f"What the model {shown(entry.name)} is good and bad at:", (*fields, size, without, licence)


def _names(option: Option) -> str:
    value = {OptionKind.FLAG: "", OptionKind.UPLOAD: "attached"}.get(option.kind, option.example)
    if not option.flags:
        return option.name
    return f"{', '.join(option.flags)} {value}".strip()


def _options_in_short(command: Command) -> str:
    shorts = [f"`{option.flags[0]}`" if option.flags else option.name for option in command.options]
    return ", ".join(shorts) or "–"


def _lower(summary: str) -> str:
    return summary[0].lower() + summary[1:]


def _told(bound: float) -> str:
    return f"{int(bound):,}" if bound == int(bound) else f"{bound:g}"


if __name__ == "__main__":
    print(readme_table())
