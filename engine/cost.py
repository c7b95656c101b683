"""What a recipe costs, and how many seconds that is here, learned from what ran.

Knows nothing of queues, workers or clocks: it is told the seconds.
"""

import math
from collections import OrderedDict, deque
from collections.abc import Iterable
from dataclasses import dataclass
from statistics import median

from engine.domain import Recipe

# One UNet call works on every pixel of every row, and a picture takes one call a step: time goes with rows x pixels x
# steps. The unit is the picture most people ask Stable Diffusion 1.x for: 512 x 512, 20 steps, with and without the
# prompt (2 rows). Attention grows faster than pixels do: SpeedBook learns each size apart and so takes that in.
STANDARD_ROW_PIXEL_STEPS = 2 * 512 * 512 * 20

_REMEMBERED_RUNS = 9  # odd, so that the median is a run that happened; few, so that it follows a change of machine
_REMEMBERED_SIZES = 512  # people choose sizes freely; the least recently learned one is forgotten


_Size = tuple[str, int, int]  # model, width, height


def cost_of(recipe: Recipe, n_pictures: int = 1) -> float:
    """The price of a request in standard pictures (512 x 512, 20 steps, guided); always positive."""
    row_pixel_steps = recipe.n_rows * recipe.width_px * recipe.height_px * recipe.evaluations_at_most
    return n_pictures * row_pixel_steps / STANDARD_ROW_PIXEL_STEPS


@dataclass(frozen=True, slots=True, kw_only=True)
class Speed:
    """What one model and size took: seconds for each unit of cost in the latest runs, oldest first."""

    model: str
    width_px: int
    height_px: int
    seconds_per_cost: tuple[float, ...]


class SpeedBook:
    """Seconds for a unit of cost, by model and size: the median of the latest runs.

    A median, because the first run after a start is slow (kernels are chosen, caches are cold) and must not count for
    long.
    """

    def __init__(self, speeds: Iterable[Speed] = ()) -> None:
        self._runs: OrderedDict[_Size, deque[float]] = OrderedDict()
        self._typical: dict[_Size, float] = {}  # the medians: asked for each waiting job whenever the queue moves
        self._guesses: dict[_Size, float] = {}  # what sizes that have not run are taken for, until something is learned
        for speed in speeds:
            for seconds in speed.seconds_per_cost:
                self._note((speed.model, speed.width_px, speed.height_px), seconds)

    def __bool__(self) -> bool:
        """Whether anything was learned."""
        return bool(self._runs)

    def learn(self, recipe: Recipe, n_pictures: int, gpu_s: float) -> None:
        """Take in that this request used `gpu_s` seconds of the device, its share of what it shared."""
        self._note((recipe.model, recipe.width_px, recipe.height_px), gpu_s / cost_of(recipe, n_pictures))

    def estimate_s(self, recipe: Recipe, n_pictures: int = 1) -> float | None:
        """Seconds of the device that the request will use; None if the model has never run here."""
        typical = self._typical.get((recipe.model, recipe.width_px, recipe.height_px))
        if typical is None:
            typical = self._typical_of_nearest_size(recipe)
        return None if typical is None else typical * cost_of(recipe, n_pictures)

    def expect_s(self, recipe: Recipe, n_pictures: int = 1) -> float | None:
        """The same for a forecast, in which a model that never ran here must not hide the wait of all behind it.

        It is taken for the slowest of the known ones: a wait that turns out shorter disappoints nobody. None only if
        nothing ever ran here.
        """
        size = (recipe.model, recipe.width_px, recipe.height_px)
        typical = self._guesses.get(size)
        if typical is None:
            typical = self._typical.get(size) or self._typical_of_nearest_size(recipe)
            typical = typical or max(self._typical.values(), default=None)
            if typical is None:
                return None
            if len(self._guesses) >= _REMEMBERED_SIZES:
                self._guesses.clear()
            self._guesses[size] = typical
        return typical * cost_of(recipe, n_pictures)

    def speeds(self) -> tuple[Speed, ...]:
        """Everything learned, as plain values: `SpeedBook(book.speeds())` knows the same."""
        return tuple(
            Speed(model=model, width_px=width_px, height_px=height_px, seconds_per_cost=tuple(runs))
            for (model, width_px, height_px), runs in self._runs.items()
        )

    def _note(self, size: _Size, seconds_per_cost: float) -> None:
        if not (math.isfinite(seconds_per_cost) and seconds_per_cost > 0):
            return  # a clock that stood still teaches nothing
        runs = self._runs.setdefault(size, deque(maxlen=_REMEMBERED_RUNS))
        runs.append(seconds_per_cost)
        self._typical[size] = median(runs)
        self._guesses.clear()
        self._runs.move_to_end(size)
        if len(self._runs) > _REMEMBERED_SIZES:
            forgotten, _ = self._runs.popitem(last=False)
            del self._typical[forgotten]

    def _typical_of_nearest_size(self, recipe: Recipe) -> float | None:
        """Of the same model, the size whose number of pixels is nearest by ratio: small pictures pay more overhead."""
        pixels = recipe.width_px * recipe.height_px

        def distance(size: _Size) -> float:
            return abs(math.log(size[1] * size[2] / pixels))

        sizes = [size for size in self._typical if size[0] == recipe.model]
        return self._typical[min(sizes, key=distance)] if sizes else None
