"""What can be said about the commands and the model, made from the table and the catalogue. Pure.

`python -m bot.help` prints the README's table of commands.
"""

import difflib

from bot.cards import Field
from bot.commands import COMMANDS, MODEL_TOPIC, Command
from bot.options import Option, OptionKind
from bot.typography import shown
from engine.catalog import Entry
from engine.errors import UserError

POCKET = "pocket"
_FLAGS_HINT = "Flags such as --seed 7 work anywhere in the words; {red,blue} draws one of each. /help imagine has all."
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


def help_for(topic: str, entry: Entry) -> tuple[str, tuple[Field, ...]]:
    """A sentence and what belongs under it: all commands for "", one in full, or the model.

    Raises: UserError for a topic there is not, naming the nearest.
    """
    topic = topic.strip().removeprefix("/").casefold()
    if not topic:
        return _FLAGS_HINT, tuple(Field(name=f"/{command.name}", value=f"{command.summary}.") for command in COMMANDS)
    if topic == MODEL_TOPIC:
        return _about(entry)
    by_name = {name: command for command in COMMANDS for name in (command.name, *command.aliases)}
    if command := by_name.get(topic):
        return f"/{command.name}: {_lower(command.summary)}.", _in_full(command)
    near = difflib.get_close_matches(topic[:100], (*by_name, MODEL_TOPIC), n=1)
    hint = f"did you mean /help {near[0]}?" if near else "/help lists what there is."
    raise UserError(f"There is no help on {shown(topic)}; {hint}")


def readme_table() -> str:
    """The commands as a table in Markdown."""
    rows = [
        f"| `/{command.name}` | {command.summary} | {_options_in_short(command)} | `{command.examples[-1]}` |"
        for command in COMMANDS
    ]
    return "\n".join(("| command | what it does | what can be said with it | example |", "|---|---|---|---|", *rows))


def option_line(option: Option) -> str:
    """What an option is, what it may be and what holds without it, in one line."""
    choices = "" if set(option.choices) <= set(option.summary.replace(",", "").split()) else ", ".join(option.choices)
    bounds = "" if option.low is None or option.high is None else f"{_told(option.low)} to {_told(option.high)}"
    otherwise = f"else {option.default_text}" if option.default_text else ""
    return "; ".join(part for part in (option.summary, choices, bounds, otherwise) if part) + "."


def _in_full(command: Command) -> tuple[Field, ...]:
    options = (Field(name=_names(option), value=option_line(option)) for option in command.options)
    examples = (Field(name="Example", value=example, is_copyable=True) for example in command.examples)
    return (*options, *examples)


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
