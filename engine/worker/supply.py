"""The models of this worker: on the shelf, still being fetched, or being read; and what the front is told of it.

Knows nothing of jobs: whoever draws says which models are in use, and makes room when one is about to be read.
"""

import time
from collections.abc import Callable, Iterator

from engine import catalog, messages
from engine.worker import answers
from engine.worker.device import Device
from engine.worker.download import Fetcher
from engine.worker.models import Model, Shelf
from engine.worker.wall import Wall

_HALF_BYTES = 2


class Supply:
    """Gets models. `make_room(name)` is called before one is read, and returns the names of those in use.

    `read_for(seconds)` is called after it, because everything else stood still meanwhile.
    """

    def __init__(
        self,
        wall: Wall,
        device: Device,
        make_room: Callable[[str], frozenset[str]],
        read_for: Callable[[float], None],
    ) -> None:
        self._wall = wall
        self._shelf = Shelf(device)
        self._fetcher = Fetcher(device.dtype.itemsize == _HALF_BYTES, self._tell_loading)
        self._make_room = make_room
        self._read_for = read_for
        self._asked_ahead: list[str] = []

    def __len__(self) -> int:
        return len(self._shelf)

    @property
    def is_asked_ahead(self) -> bool:
        """Whether a model was asked for that no job needs yet."""
        return bool(self._asked_ahead)

    def ask_ahead(self, name: str) -> None:
        """Get this one when there is time."""
        self._asked_ahead.append(name)

    def get_ahead(self) -> Iterator[None]:
        """Get those asked for ahead whose files are here, one at each turn. Failures are told and end the asking."""
        for name in list(self._asked_ahead):
            try:
                if not self.is_here(name):
                    continue
                is_new = not self._shelf.has(name)
                model = self.get(name)
                if not is_new:
                    self._tell_loaded(model, 0.0)
            except Exception as exc:  # a model that cannot be read is a sentence, and the worker lives
                failure = answers.explain(exc)
                self._wall.send(
                    messages.LoadFailed(model=name, sentence=failure.sentence, their_fault=failure.their_fault)
                )
            self._asked_ahead.remove(name)
            yield

    def is_here(self, name: str) -> bool:
        """Whether a model can be had without the network; begins to fetch it if not. Raises: UserError, ModelError."""
        return self._shelf.has(name) or self._fetcher.is_here(catalog.find(name))

    def get(self, name: str) -> Model:
        """The model of that name, read if need be: told while it goes on, and on nobody's deadline."""
        if self._shelf.has(name):
            return self._shelf.get(name)
        started = time.monotonic()
        in_use = self._make_room(name)
        entry = catalog.find(name)
        share = self._fetcher.share_done(entry)

        def tell(fraction: float, doing: str) -> None:
            self._tell_loading(name, share + (1 - share) * fraction, doing)

        model = self._shelf.put(entry, self._fetcher.folder(entry), in_use, tell)
        seconds = time.monotonic() - started
        self._tell_loaded(model, seconds)
        self._read_for(seconds)
        return model

    def clear(self) -> None:
        """Let go of all."""
        self._shelf.clear()

    def _tell_loading(self, name: str, fraction: float, doing: str) -> None:
        self._wall.send(messages.LoadingModel(model=name, fraction=fraction, doing=doing))

    def _tell_loaded(self, model: Model, seconds: float) -> None:
        self._wall.send(
            messages.Loaded(
                model=model.entry.name,
                family=model.family,
                native_width_px=model.native_width_px,
                native_height_px=model.native_height_px,
                seconds=seconds,
            )
        )
