"""A command, its words and its values as they were written → the request. Every value is checked here, once.

Pure but for the seed that several prompts share. Knows nothing of flags, braces and where the words came from.
"""

from collections.abc import Callable, Sequence
from dataclasses import replace

from bot import reading
from bot.asked import Asked
from bot.commands import PRIVACY_TOPIC
from bot.comparing import axis_and_rest, values_of
from bot.desk_building import DESK
from bot.help import topic_named
from bot.recipes import Wish, random_seed
from bot.requests import (
    Again,
    Cancel,
    Compare,
    Help,
    History,
    Imagine,
    Original,
    Remix,
    Request,
    Show,
    ShowQueue,
    ShowRecipe,
    Upscale,
    Vary,
)
from engine.domain import MAX_PICTURES, MAX_SEED, Mode
from engine.errors import UserError

MAX_PICTURES_AT_ONCE = 16  # of a request: four grids of four


def request_of(asked: Sequence[Asked]) -> Request:
    """The request that was asked for; only /imagine may be asked for several times at once. Raises: UserError."""
    first, *others = asked
    if first.command.name == "imagine":
        return _imagine(asked)
    if others:
        raise UserError(
            f"Choices in braces are for /imagine; write one prompt for /{first.command.name}, or \\{{ for a brace."
        )
    return _BUILDERS[first.command.name](first)


def count_sentence(wishes: Sequence[Wish]) -> str:
    """How much there is to draw, such as "4 prompts, 8 pictures in all", as a sentence."""
    return f"{_counts(wishes)} in all."


def _imagine(asked: Sequence[Asked]) -> Imagine:
    wishes = [_wish(each) for each in asked]
    n_pictures = sum(wish.n_wanted for wish in wishes)
    if n_pictures > MAX_PICTURES_AT_ONCE:
        raise UserError(
            f"That makes {_counts(wishes)}; "
            f"{MAX_PICTURES_AT_ONCE} pictures at once is the most. Lower --n, or take some choices out."
        )
    if len(wishes) > 1:
        seed = random_seed()
        wishes = [wish if wish.seed is not None else replace(wish, seed=seed) for wish in wishes]
    return Imagine(wishes=tuple(wishes))


def _wish(asked: Asked, prompt: str | None = None) -> Wish:
    """A wish with all that was said of it. `prompt` is instead of the command's words; only /remix may have none."""
    prompt = asked.words if prompt is None else prompt
    if not prompt and asked.command.name != "remix":
        raise UserError(f"Say what to draw, such as {asked.command.examples[0]}.")
    size, aspect = asked.written.get("size"), asked.ratio("aspect")
    if size and aspect:
        raise UserError("Give a size or a ratio, not both: --size 512x768, or --ar 2:3.")
    wish = Wish(
        prompt=reading.words("prompt", prompt),
        negative=reading.words("negative prompt", asked.written.get("negative", "")),
        seed=asked.whole("seed"),
        steps=asked.whole("steps"),
        guidance=asked.number("guidance"),
        sampler=asked.choice("sampler"),
        size=reading.size(size) if size else None,
        aspect=aspect,
        n_pictures=asked.whole("pictures"),
        model=reading.words("name of the model", asked.written["model"]) if "model" in asked.written else None,
        strength=asked.number("strength"),
        mode=Mode(mode) if (mode := asked.choice("mode")) else None,
    )
    if wish.seed is not None and wish.seed + wish.n_wanted - 1 > MAX_SEED:
        raise UserError(f"The seed of the last picture would be above {MAX_SEED:,}; please take a smaller one.")
    return wish


def _remix(asked: Asked) -> Remix:
    return Remix(source=asked.picture("source"), wish=_wish(asked))


def _upscale(asked: Asked) -> Upscale:
    return Upscale(
        source=asked.picture("source"), factor=int(asked.choice("factor") or 2), is_refined=asked.is_on("refine")
    )


def _vary(asked: Asked) -> Vary:
    return Vary(
        source=asked.picture("source"),
        is_strong=asked.choice("change") == "strong",
        n_pictures=asked.whole("pictures") or MAX_PICTURES,
    )


def _compare(asked: Asked) -> Compare:
    over = asked.written.get("over")
    if not over:
        raise UserError(f"Say what shall differ, such as {asked.command.examples[0]}.")
    axis, said = axis_and_rest(over)
    if axis in asked.written:
        raise UserError(f"The {axis} is what differs here; leave out --{axis}.")
    compared, rest = values_of(asked.command, axis, f"{said} {asked.written.get('values', '')}".strip())
    return Compare(
        wish=_wish(asked, f"{asked.words} {rest}".strip()),
        axis=axis,
        values=compared,
        source=asked.picture("source"),
    )


def _history(asked: Asked) -> History:
    return History(words=reading.words("search", asked.words), page=asked.whole("page") or 1)


def _cancel(asked: Asked) -> Cancel:
    name = asked.picture("request")
    if name is None and asked.is_on("any"):
        raise UserError("Say which: /cancel any k3f9m2q7xa. /queue all shows what there is.")
    return Cancel(request=name.partition(".")[0] if name else None, is_any=asked.is_on("any"))


def _help(asked: Asked) -> Help:
    return Help(topic=topic_named(asked.text("topic")))


_BUILDERS: dict[str, Callable[[Asked], Request]] = {
    "remix": _remix,
    "upscale": _upscale,
    "vary": _vary,
    "again": lambda asked: Again(source=asked.picture("source")),
    "compare": _compare,
    "show": lambda asked: Show(source=asked.picture("source")),
    "history": _history,
    "recipe": lambda asked: ShowRecipe(source=asked.picture("source")),
    "original": lambda asked: Original(source=asked.picture("source")),
    "queue": lambda asked: ShowQueue(is_all=asked.is_on("all")),
    "cancel": _cancel,
    "help": _help,
    "privacy": lambda _: Help(topic=PRIVACY_TOPIC),
    **DESK,
}


def _counts(wishes: Sequence[Wish]) -> str:
    n_pictures = sum(wish.n_wanted for wish in wishes)
    return f"{_counted(len(wishes), 'prompt')}, {_counted(n_pictures, 'picture')}"


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun}" if number == 1 else f"{number:,} {noun}s"
