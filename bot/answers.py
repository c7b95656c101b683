"""Answers that are not kept: the queue, a recipe, a page of history, a file, a refusal. Cards with no id. Pure."""

from dataclasses import replace

from bot import buttons
from bot.buttons import MAX_ID_BYTES, Verb
from bot.cards import Card, Field, Paper, State, Tile
from bot.desk.sentences import span
from bot.live import Live
from bot.showing import card_of, fields_of, recipe_fields, tile_of
from bot.typography import clean
from engine.domain import Recipe
from engine.engine import EngineStatus
from storage.records import PictureRow

HISTORY_PAGE = 12  # pictures on a page: three rows of four, or four of three
_SHOWN_WORDS = 60
_SHOWN_REQUESTS = 20  # Discord's embeds take 25 fields


def note(kind: str, sentence: str, *fields: Field) -> Card:
    """An answer to one person."""
    return Card(id="", kind=kind, state=State.NOTE, sentence=sentence, fields=fields)


def refusal(sentence: str) -> Card:
    """What they asked for cannot be done, and what would help."""
    return replace(note("refusal", sentence), is_refusal=True)


def recipe_of_ours(picture: PictureRow) -> Card:
    """How one of our pictures was made."""
    return note("recipe", f"How {picture.name} was made:", *recipe_fields(picture))


def recipe_of_a_file(recipe: Recipe | None, parameters: str | None, words: str | None) -> Card:
    """What a file tells of how it was made, by us or by another program."""
    again = (Field(name="Draw it again", value=words, is_copyable=True),) if words else ()
    if recipe:
        return note("recipe", "This picture carries a Darkroom recipe:", *fields_of(recipe), *again)
    if parameters:
        found = Field(name="Parameters", value=clean(parameters), is_copyable=True)
        return note("recipe", "This picture carries what its program wrote about it:", found, *again)
    return note("recipe", "This picture carries no recipe. Chats often strip it; the original file would have it.")


def original(picture: str, paper: Paper) -> Card:
    """A picture's file to take away."""
    return replace(note("original", f"The lossless original of {picture}:"), paper=paper)


def labelled_grid(request: str, paper: Paper) -> Card:
    """All pictures of a comparison in one file."""
    return replace(note("original", f"All pictures of {request} with their labels:"), paper=paper)


def development(picture: str, paper: Paper) -> Card:
    """How a picture came about, to watch."""
    return replace(note("development", f"How {picture} developed:"), paper=paper)


def queue(
    status: EngineStatus, n_finishing: int, shown: tuple[Live, ...], notice: str = "", *, with_askers: bool = False
) -> Card:
    """What waits, what is drawn, and where these requests are: the asker's own, or everybody's with their names.

    `n_finishing`: jobs that the engine is done with, and whose files are being made.
    """
    fields = [
        Field(name="Being drawn", value=str(status.n_running)),
        Field(name="Waiting", value=str(status.n_waiting)),
    ]
    if n_finishing:
        fields.insert(1, Field(name="Being finished", value=str(n_finishing)))
    for live in shown[:_SHOWN_REQUESTS]:
        asker = f"{_cut(clean(live.request.asker))}: " if with_askers else ""
        fields.append(Field(name=asker + _cut(live.request.words), value=_where(live)))
    if len(shown) > _SHOWN_REQUESTS:
        fields.append(Field(name="And", value=f"{len(shown) - _SHOWN_REQUESTS:,} more requests"))
    busy = status.n_waiting or status.n_running or n_finishing
    sentence = "What is being made now:" if busy else "Nothing waits and nothing is being drawn: ask away."
    return note("queue", f"{notice} {sentence}".strip(), *fields)


def history_page(rows: tuple[PictureRow, ...], words: str, page: int, total: int) -> Card:
    """One page of somebody's pictures."""
    if not rows:
        return note("history", _nothing_found(words, page))
    n_pages = -(-total // HISTORY_PAGE)
    of_words = f" with “{_cut(words)}”" if words else ""
    n_pictures = "1 picture" if total == 1 else f"{total:,} pictures"
    sentence = f"{n_pictures}{of_words}, page {page} of {n_pages}."
    tiles = tuple(_line(number, row) for number, row in enumerate(rows, 1))
    turns = [
        buttons.button(Verb.PAGE, f"{to}:{words}", label, f"{name} of the history")
        for to, label, name in ((page - 1, "Newer", "Newer page"), (page + 1, "Older", "Older page"))
        if 1 <= to <= n_pages and len(f"{Verb.PAGE}:{to}:{words}".encode()) <= MAX_ID_BYTES
    ]
    if page < n_pages and not turns:  # the words are too long for a button
        sentence = f"{sentence} Add --page {page + 1} for older ones."
    return replace(note("history", sentence), tiles=tiles, buttons=(tuple(turns),) if turns else ())


def _line(number: int, row: PictureRow) -> Tile:
    return replace(tile_of(row), number=number, label=f"seed {row.recipe.seed}" if row.recipe.model else "")


def _where(live: Live) -> str:
    card = card_of(live.request, live.jobs, live.pictures, live)
    if live.is_drawn:
        return f"drawn, being finished ({card.id})"
    if card.state is State.DRAWING:
        return f"drawing, {round(100 * (card.fraction or 0))} % ({card.id})"
    if card.position:
        wait = f", about {span(card.wait_s)}" if card.wait_s is not None else ""
        return f"number {card.position}{wait} ({card.id})"
    return f"{card.state} ({card.id})"


def _nothing_found(words: str, page: int) -> str:
    if page > 1:
        return "There is no such page; leave out --page to begin with the newest."
    if words:
        return f"None of your pictures has “{_cut(words)}” in its prompt. Try fewer words."
    return "You have no pictures yet. Try: /imagine a red circle on a blue background"


def _cut(words: str) -> str:
    return words if len(words) <= _SHOWN_WORDS else words[: _SHOWN_WORDS - 1] + "…"
