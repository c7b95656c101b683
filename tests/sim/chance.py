"""All luck from one seed, and all logs into the history: what a life of the bot would take from the system."""

import contextlib
import logging
import os
import random
import sys
import warnings
from collections.abc import Iterator
from typing import Any

import structlog

from tests.sim.world import World


@contextlib.contextmanager
def seeded(seed: int, world: World) -> Iterator[None]:
    """Within, whatever asks the system for random bytes gets those of the seed."""
    luck = random.Random(f"urandom {seed}")
    urandom, hook = os.urandom, sys.unraisablehook
    os.urandom = random._urandom = luck.randbytes  # type: ignore[attr-defined]
    sys.unraisablehook = lambda _: None  # coroutines of cut lives end without a loop, and say so
    _configure(world)
    try:
        with warnings.catch_warnings(action="ignore", category=RuntimeWarning):
            yield
    finally:
        os.urandom = random._urandom = urandom  # type: ignore[attr-defined]
        sys.unraisablehook = hook


def _configure(world: World) -> None:
    def hear(_logger: object, level: str, event: Any) -> Any:
        world.heard_log(level, dict(event))
        raise structlog.DropEvent

    def with_exception(_logger: object, _level: str, event: Any) -> Any:
        if event.get("exc_info") is True:
            event["exc_info"] = sys.exc_info()[1]
        return event

    structlog.configure(
        processors=[with_exception, hear],
        wrapper_class=structlog.make_filtering_bound_logger(logging.INFO),
        cache_logger_on_first_use=False,
    )
