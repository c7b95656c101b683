"""Buttons that live for ever: all that a press needs stands in the button's id, `<verb>:<target>`, in at most 64 bytes.

The target is a picture ("k3f9m2q7xa.2") or a request ("k3f9m2q7xa"); of an example it is its words, of a confirmation
the code or a plain "yes", never an account, for whoever presses is who is meant. No session, no memory, no expiry: an
id from before a restart or an upgrade still means the same. Pure. Whether the presser may is for the studio to say.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum

from bot.cards import Button, State, Style, Tile
from engine.errors import UserError

MAX_ID_BYTES = 64  # Telegram's callback_data; Discord's custom_id may have 100 characters
_UNKNOWN = "This button is from another version of Darkroom, and I do not know it. Type /help for what I can do."
_A_ROW = 5  # Discord's most; Telegram wraps


class Verb(StrEnum):
    """What a press asks for. Ids are kept in chats for ever: a verb may be added, and none may change its meaning."""

    SHOW = "show"
    SUBTLE = "subtle"
    STRONG = "vary-strong"
    AGAIN = "again"
    REMIX = "remix"
    TWICE = "x2"
    FOURFOLD = "x4"
    REFINE = "refine"
    RECIPE = "recipe"
    FILE = "file"
    ANIMATION = "animation"
    DELETE = "delete"
    CANCEL = "cancel"
    GO = "go"
    NO = "no"
    PAGE = "page"
    LINK = "link"
    FORGET = "forget"
    COLLECT = "collect"
    DRAW = "draw"
    SHARE = "share"
    UNSHARE = "unshare"
    ALBUM = "album"
    MYDATA = "mydata"


_VERBS = frozenset(verb.value for verb in Verb)


@dataclass(frozen=True, slots=True, kw_only=True)
class Press:
    """A button's meaning. The target is checked for nothing but being there."""

    verb: Verb
    target: str


def read(button_id: str) -> Press:
    """Raises: UserError for an id that no version wrote."""
    verb, _, target = button_id.partition(":")
    if verb not in _VERBS or not target or len(button_id.encode(errors="replace")) > MAX_ID_BYTES:
        raise UserError(_UNKNOWN)
    return Press(verb=Verb(verb), target=target)


def button(verb: Verb, target: str, label: str, name: str, style: Style = Style.SECONDARY) -> Button:
    """One button."""
    return Button(id=f"{verb}:{target}", label=label, name=name, style=style)


def of_picture(picture: str, *, has_animation: bool, is_kept: bool = True) -> tuple[tuple[Button, ...], ...]:
    """All that can be done with one finished picture, in rows; with its recipe alone once its file had to make room."""
    again = button(Verb.AGAIN, picture, "Again", "Draw it again with a new seed")
    if not is_kept:
        return ((again, button(Verb.RECIPE, picture, "Recipe", "Show the recipe with its seed")),)
    keep = [button(Verb.RECIPE, picture, "Recipe", "Show the recipe with its seed")]
    if has_animation:
        keep.append(button(Verb.ANIMATION, picture, "Development", "Watch the picture develop from noise"))
    keep.append(button(Verb.FILE, picture, "Download", "Download the original PNG"))
    return (
        (
            again,
            button(Verb.SUBTLE, picture, "Vary subtle", "Four variations, a little repainted"),
            button(Verb.STRONG, picture, "Vary strong", "Four variations, much repainted"),
            button(Verb.REMIX, picture, "Remix", "Redraw this picture with other words"),
        ),
        (
            button(Verb.TWICE, picture, "Upscale 2x", "Enlarge to twice the size"),
            button(Verb.FOURFOLD, picture, "Upscale 4x", "Enlarge to four times the size"),
            button(Verb.REFINE, picture, "Refine 2x", "Enlarge to twice the size and redraw the details"),
        ),
        tuple(keep),
    )


def of_link(code: str) -> tuple[tuple[Button, ...], ...]:
    """Confirms that two accounts are one person; not pressing it is a no."""
    return ((button(Verb.LINK, code, "Join them", "Make these accounts one person", Style.PRIMARY),),)


def of_forgetting() -> tuple[tuple[Button, ...], ...]:
    """Confirms that all of whoever presses is deleted; not pressing it is a no."""
    delete = button(Verb.FORGET, "yes", "Delete everything", "Delete all that is kept about me", Style.DANGER)
    return ((delete,),)


def of_export(number: int, n_parts: int) -> tuple[tuple[Button, ...], ...]:
    """Makes the next part of all that is kept about whoever presses."""
    label = f"Part {number} of {n_parts}"
    return ((button(Verb.MYDATA, f"{number}", label, f"Get part {number} of {n_parts} of what is kept about me"),),)


def of_examples(examples: Iterable[str]) -> tuple[tuple[Button, ...], ...]:
    """Each draws what it says; one whose words are too long for an id is left out."""
    words = [example.removeprefix("/imagine ") for example in examples]
    rows = [(button(Verb.DRAW, each, each, f"Draw {each}"),) for each in words]
    return tuple(row for row in rows if len(row[0].id.encode()) <= MAX_ID_BYTES)


def of_sharing(picture: str) -> tuple[tuple[Button, ...], ...]:
    """Under the recipe of a picture of ours, where there are links to it."""
    return (
        (
            button(Verb.AGAIN, picture, "Again", "Draw it again with a new seed"),
            button(Verb.SHOW, picture, "Show", "Show this picture alone, in full size"),
            button(Verb.SHARE, picture, "Share", "Get a link that shows others this recipe"),
        ),
    )


def of_collecting() -> tuple[tuple[Button, ...], ...]:
    """Fetches what could not be delivered."""
    return ((button(Verb.COLLECT, "all", "Show them here", "Show here what could not be delivered"),),)


def of_card(
    request: str, state: State, tiles: tuple[Tile, ...], *, n_offered: int = 0, has_grid: bool = False
) -> tuple[tuple[Button, ...], ...]:
    """The buttons under a request's message."""
    there = [tile for tile in tiles if tile.picture]
    match state:
        case State.OFFERED if n_offered == 1:  # one picture is only ever asked about for its wait
            go = button(Verb.GO, request, "Queue it", "Let this picture wait for its turn", Style.PRIMARY)
            return ((go, button(Verb.NO, request, "Not now", "Do not draw it")),)
        case State.OFFERED:
            draw = button(Verb.GO, request, f"Draw all {n_offered}", f"Draw all {n_offered} pictures", Style.PRIMARY)
            return ((draw, button(Verb.NO, request, "Not now", "Do not draw them")),)
        case State.WAITING | State.LOADING | State.DRAWING:
            return ((button(Verb.CANCEL, request, "Cancel", "Cancel this request", Style.DANGER),),)
        case State.DONE if len(there) == 1:
            return _of_one(request, there[0])
        case State.DONE:
            return _of_several(request, there, has_grid)
        case State.FAILED | State.CANCELLED:
            return ((button(Verb.AGAIN, request, "Try again", "Ask for the same again"), _delete(request)),)
        case _:
            return ()


def _of_one(request: str, tile: Tile) -> tuple[tuple[Button, ...], ...]:
    assert tile.picture
    *rows, last = of_picture(tile.picture, has_animation=tile.has_animation, is_kept=tile.is_kept)
    return (*rows, (*last, _delete(request)))


def _of_several(request: str, there: list[Tile], has_grid: bool) -> tuple[tuple[Button, ...], ...]:
    shows = [
        button(Verb.SHOW, tile.picture or "", f"U{tile.number}", f"Show picture {tile.number} alone, in full size")
        for tile in there
    ]
    varies = [
        button(Verb.STRONG, tile.picture or "", f"V{tile.number}", f"Four variations of picture {tile.number}")
        for tile in there
    ]
    grid = [button(Verb.FILE, f"{request}.0", "Labelled grid", "Download one picture of them all, with labels")]
    again = button(Verb.AGAIN, request, "Again", "Draw all of it again with a new seed")
    last = (again, *(grid if has_grid else ()), _delete(request))
    if len(there) > 2 * _A_ROW:  # Discord takes five rows: sixteen pictures leave no room for V, which U leads to
        return (*_rows(shows), last)
    return (*_rows(shows), *_rows(varies), last)


def _rows(buttons: Iterable[Button]) -> list[tuple[Button, ...]]:
    """As even as can be, so that four are 4 and six are 3 and 3."""
    every = list(buttons)
    n_rows = -(-len(every) // _A_ROW)
    width = -(-len(every) // max(1, n_rows))
    return [tuple(every[at : at + width]) for at in range(0, len(every), max(1, width))]


def _delete(request: str) -> Button:
    return button(Verb.DELETE, request, "Delete", "Delete this message and its pictures", Style.DANGER)
