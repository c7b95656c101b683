"""How long a worker may stand still before it hangs, learned from how long it stood still in jobs that ended well.

A *sign* is any proof that the worker's loop goes on: a message from it, or a heartbeat that counts more work than the
one before. Heartbeats come from a thread of their own, so a worker that hangs still sends them, each with the same
count. Stillness is summed over heartbeats, each for 2 s at most: time in which the worker was frozen too, or in which
the front itself did not get to read, counts for little. Knows nothing of processes, and takes the time from outside.
"""

from collections import OrderedDict
from collections.abc import Iterable
from dataclasses import dataclass

from engine.domain import Recipe
from engine.messages import Heartbeat

_MOST_PER_BEAT_S = 2.0  # heartbeats come every second
_MOST_ROWS = 32  # engine.worker.batch.MAX_ROWS: no step takes longer than one of so many rows
_REMEMBERED_SIZES = 256

_Size = tuple[str, int, int]  # model, width, height


@dataclass(slots=True)
class _Gap:
    """The longest between two signs. A step grows with its rows; what else there is does not.

    `is_proven`: a job of this size was drawn to its end, so that all that it consists of has been seen.
    """

    seconds: float = 0.0
    row_seconds: float = 0.0
    is_proven: bool = False


class Pulse:
    """The stillness of one worker, and the book of what is usual for it. Survives the worker's lives."""

    def __init__(self, floor_s: float, factor: float) -> None:
        self._floor_s = floor_s
        self._factor = factor
        self._gaps: OrderedDict[_Size, _Gap] = OrderedDict()
        self.begin(0.0)

    def begin(self, now_s: float) -> None:
        """A new life, of which nothing is known."""
        self.still_s = 0.0
        self._sign_at_s = now_s
        self._beat_at_s = now_s
        self._counted = (0, 0)
        self._is_excused = False

    def sign(self, now_s: float, held: Iterable[Recipe], n_step_rows: int | None = None) -> None:
        """The loop goes on. `held`: what it has in hand; `n_step_rows`: of the step that just ended, if one did."""
        gap_s = now_s - self._sign_at_s
        if not self._is_excused:
            for size in {_size(recipe) for recipe in held}:
                self._note(size, gap_s, n_step_rows)
        self.still_s, self._sign_at_s, self._is_excused = 0.0, now_s, False

    def excuse(self) -> None:
        """A model is on its way, which takes as long as it takes: until the next sign nothing is measured."""
        self.still_s, self._is_excused = 0.0, True

    def beat(self, now_s: float, heartbeat: Heartbeat, held: Iterable[Recipe]) -> None:
        """A heartbeat came."""
        counted = (heartbeat.n_ticks, heartbeat.n_works)
        if counted != self._counted and not self._is_excused:
            self.sign(now_s, held)
        elif not self._is_excused:
            self.still_s += min(now_s - self._beat_at_s, _MOST_PER_BEAT_S)
        self._counted, self._beat_at_s = counted, now_s

    def wake(self, now_s: float) -> None:
        """It had nothing to do, and now it has: it stood still by right."""
        self.still_s, self._sign_at_s = 0.0, now_s

    def prove(self, recipe: Recipe) -> None:
        """A request of this kind was drawn to its end: from now on what it took is a measure."""
        gap = self._gaps.setdefault(_size(recipe), _Gap())
        gap.is_proven = True

    def bound_s(self, held: Iterable[Recipe], n_rows: int) -> float | None:
        """How long is too long, with this in hand in so many rows; None while one of them is of an unknown model.

        A size not drawn yet is taken from the known one of that model that allows most: attention grows with the
        square of the pixels, nothing faster.
        """
        bound_s = self._floor_s
        for size in {_size(recipe) for recipe in held}:
            usual_s = self._usual_s(size, min(n_rows, _MOST_ROWS))
            if usual_s is None:
                return None
            bound_s = max(bound_s, self._factor * usual_s)
        return bound_s

    def _usual_s(self, size: _Size, n_rows: int) -> float | None:
        known = self._gaps.get(size)
        if known is not None and known.is_proven:
            return max(known.seconds, known.row_seconds * n_rows)
        return max(
            (
                max(gap.seconds, gap.row_seconds * n_rows) * max(1.0, _pixels(size) / _pixels(other)) ** 2
                for other, gap in self._gaps.items()
                if other[0] == size[0] and gap.is_proven
            ),
            default=None,
        )

    def _note(self, size: _Size, gap_s: float, n_step_rows: int | None) -> None:
        gap = self._gaps.setdefault(size, _Gap())
        gap.seconds = max(gap.seconds, gap_s)
        if n_step_rows:
            gap.row_seconds = max(gap.row_seconds, gap_s / n_step_rows)
        self._gaps.move_to_end(size)
        if len(self._gaps) > _REMEMBERED_SIZES:
            self._gaps.popitem(last=False)


def _size(recipe: Recipe) -> _Size:
    return recipe.model, recipe.width_px, recipe.height_px


def _pixels(size: _Size) -> int:
    return size[1] * size[2]
