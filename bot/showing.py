"""Rows of the database and what is live → the card that a person sees. Pure; knows no platform and asks nothing."""

from datetime import UTC, datetime

from bot import buttons
from bot.cards import Button, Card, Field, State, Tile
from bot.live import Live, Told
from engine.domain import Recipe
from engine.finish import A1111_SAMPLERS
from storage.ids import picture_name
from storage.records import JobRow, PictureRow, RequestRow

GRID_NUMBER = 0  # the name `<request>.0` is the labelled grid of a comparison
NOTICE = "notice"  # the kind of a line of ours: nobody asked for it, and nothing can be done with it
_SOON = "Waiting for its turn."
_OVERDUE = "This takes longer than I thought; it keeps its place."


def card_of(
    request: RequestRow, jobs: tuple[JobRow, ...], pictures: tuple[PictureRow, ...], live: Live | None = None
) -> Card:
    """The message of a request as it is now. `live` is None when nothing of it is being made."""
    state = State(request.state.value)
    told = live.told() if live and state is State.WAITING else Told(state=state)
    state = told.state
    by_number = {picture.number: picture for picture in pictures}
    is_made = state in (State.WAITING, State.LOADING, State.DRAWING)
    tiles = tuple(_tiles(request, jobs, by_number, live, with_expected=is_made))
    if not jobs:  # a picture shown alone
        tiles = tuple(tile_of(picture) for picture in pictures)
    n_offered = sum(job.n_pictures for job in jobs)
    return Card(
        id=request.id,
        kind=request.kind,
        state=state,
        asker=request.asker,
        words=request.words,
        sentence=told.sentence or (_OVERDUE if told.is_overdue else _sentence(request, state, tiles, pictures)),
        created_s=request.created_s,
        told_at_s=told.told_at_s or request.ended_s or request.created_s,
        position=told.position,
        wait_s=told.wait_s,
        fraction=told.fraction,
        is_overdue=told.is_overdue,
        tiles=tiles,
        grid=picture_name(request.id, GRID_NUMBER) if request.grid_hash else None,
        buttons=()
        if request.kind == NOTICE
        else buttons.of_card(request.id, state, tiles, n_offered=n_offered, has_grid=request.grid_hash is not None),
    )


def one_line(recipe: Recipe) -> str:
    """A recipe in a line that fits under a picture."""
    if not recipe.model:
        return "an uploaded picture, enlarged"
    strength = f" · strength {recipe.source.strength:g}" if recipe.source else ""
    return (
        f"seed {recipe.seed} · {recipe.steps} steps · {A1111_SAMPLERS[recipe.sampler]} · "
        f"guidance {recipe.guidance:g}{strength} · {recipe.model}"
    )


def recipe_fields(picture: PictureRow) -> tuple[Field, ...]:
    """How a picture was made, what is worth copying first."""
    size = Field(name="Size", value=f"{picture.width_px} x {picture.height_px} px")
    when = datetime.fromtimestamp(picture.created_s, UTC).strftime("%Y-%m-%d %H:%M UTC")
    about = (
        size,
        Field(name="Device", value=f"{picture.gpu_s:.2f} s"),
        Field(name="Drawn", value=when),
        Field(name="Picture", value=picture.name, is_copyable=True),
    )
    return (*fields_of(picture.recipe), *_treated(picture.treatment), *about)


def fields_of(recipe: Recipe) -> tuple[Field, ...]:
    """A recipe's own values."""
    if not recipe.model:
        return (Field(name="Drawn by", value="nobody here: this is an uploaded picture, enlarged"),)
    fields = [
        Field(name="Prompt", value=recipe.prompt, is_copyable=True),
        Field(name="Seed", value=str(recipe.seed), is_copyable=True),
        Field(name="Model", value=recipe.model),
        Field(name="Sampler", value=A1111_SAMPLERS[recipe.sampler]),
        Field(name="Steps", value=str(recipe.steps)),
        Field(name="Guidance", value=f"{recipe.guidance:g}"),
    ]
    if recipe.negative:
        fields.insert(1, Field(name="Negative prompt", value=recipe.negative, is_copyable=True))
    if recipe.source:
        fields.append(Field(name="Strength", value=f"{recipe.source.strength:g} of another picture repainted"))
    return tuple(fields)


def _treated(treatment: str | None) -> tuple[Field, ...]:
    if not treatment:
        return ()
    return (Field(name="Enlarged", value=f"{treatment.split()[-1]} times, by resampling"),)


def _tiles(
    request: RequestRow,
    jobs: tuple[JobRow, ...],
    there: dict[int, PictureRow],
    live: Live | None,
    *,
    with_expected: bool,
) -> list[Tile]:
    tiles = []
    for job in jobs:
        for index in range(job.n_pictures):
            number = job.first_number + index
            if number in there:
                tiles.append(tile_of(there[number]))
            elif with_expected and job.state == "waiting":
                tiles.append(_tile_expected(job, index, live))
    return tiles


def tile_of(picture: PictureRow) -> Tile:
    """A picture that is there, with all that can be done with it."""
    name = picture.name
    has_animation = picture.animation_hash is not None
    return Tile(
        number=picture.number,
        prompt=picture.recipe.prompt,
        seed=picture.recipe.seed,
        width_px=picture.width_px,
        height_px=picture.height_px,
        picture=name,
        label=picture.label,
        has_animation=has_animation,
        is_kept=picture.is_kept,
        strength=picture.recipe.source.strength if picture.recipe.source else None,
        buttons=buttons_of(picture),
    )


def buttons_of(picture: PictureRow) -> tuple[Button, ...]:
    """All that can be done with it, in one row."""
    has_animation = picture.animation_hash is not None
    rows = buttons.of_picture(picture.name, has_animation=has_animation, is_kept=picture.is_kept)
    return tuple(button for row in rows for button in row)


def _tile_expected(job: JobRow, index: int, live: Live | None) -> Tile:
    recipe = job.recipe
    factor = int(job.treatment.split()[-1]) if job.treatment else 1
    return Tile(
        number=job.first_number + index,
        prompt=recipe.prompt,
        seed=recipe.seed + index,
        width_px=recipe.width_px * factor,
        height_px=recipe.height_px * factor,
        label=job.label,
        preview=live.preview(job.id, index) if live else None,
        strength=recipe.source.strength if recipe.source else None,
    )


def _device_time(pictures: tuple[PictureRow, ...]) -> str:
    return f"{sum(picture.gpu_s for picture in pictures):.1f} s of the device"


def _sentence(request: RequestRow, state: State, tiles: tuple[Tile, ...], pictures: tuple[PictureRow, ...]) -> str:
    match state:
        case State.WAITING:
            return _SOON
        case State.LOADING | State.DRAWING:
            return ""
        case _ if request.sentence:
            return request.sentence
        case State.CANCELLED:
            return "Cancelled."
        case State.DONE if not tiles:
            return "Its pictures were deleted."
        case State.DONE if request.kind == "compare" and pictures:
            return f"seed {pictures[0].recipe.seed} · {pictures[0].recipe.model} · {_device_time(pictures)}"
        case State.DONE if request.kind != "show" and pictures:
            return f"{one_line(pictures[0].recipe)} · {_device_time(pictures)}"
        case State.DONE if pictures:
            return one_line(pictures[0].recipe)
        case _:
            return ""
