"""Virtual time: an event loop that never sleeps but jumps to its next timer, and runs inline what belongs in threads.

One thread, no sockets, no processes but those that `programs` plays. What runs depends on nothing but the order in
which it was asked for, so a history is the same each time. Knows nothing of the desk.
"""

import asyncio
import asyncio.base_events
import itertools
from collections.abc import Callable
from concurrent.futures import Executor
from contextvars import Context
from typing import Any, TypeVar

T = TypeVar("T")

_STANDSTILL = 100_000  # turns of the loop without a tick of the clock: somebody waits by asking again and again


class Standstill(AssertionError):
    """Nothing will ever happen again, or time does not pass any more."""


class Clock:
    """One clock for all lives of a history: `now_s` only goes forward, what people read off `wall_s` may jump."""

    def __init__(self, start_s: float) -> None:
        self.now_s = 0.0
        self.start_s = start_s
        self.off_by_s = 0.0
        self.numbers = itertools.count()  # of tasks

    def wall_s(self) -> float:
        """Unix seconds."""
        return self.start_s + self.now_s + self.off_by_s


class _Task(asyncio.Task[Any]):
    """A task that hashes by its number, so that a set of tasks has the same order in every run."""

    def __init__(self, coroutine: Any, *, loop: "VirtualLoop", context: Context | None) -> None:
        self.number = next(loop.clock.numbers)  # first: the next line puts it into a set
        super().__init__(coroutine, loop=loop, context=context)

    def __hash__(self) -> int:
        return self.number

    def __eq__(self, other: object) -> bool:
        return self is other


class _Jump:
    """Stands where the loop's selector would: instead of waiting, the clock is moved."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._n_turns = 0

    def select(self, timeout: float | None) -> list[object]:
        """Let so much time pass at once."""
        if timeout is None:
            raise Standstill("nothing is left that could ever happen")
        self._n_turns = 0 if timeout > 0 else self._n_turns + 1
        if self._n_turns > _STANDSTILL:
            raise Standstill("time does not pass any more")
        self._clock.now_s += timeout
        return []


class VirtualLoop(asyncio.base_events.BaseEventLoop):
    """An event loop on a `Clock`.

    `programs(protocol, command)` plays child processes; `pause_s` is how long a thread takes. `died`: what went wrong
    where nobody awaited it.
    """

    def __init__(
        self,
        clock: Clock,
        programs: "Callable[[asyncio.SubprocessProtocol, tuple[str, ...]], asyncio.SubprocessTransport] | None" = None,
        pause_s: Callable[[], float] = lambda: 0.0,
    ) -> None:
        super().__init__()
        self.clock = clock
        self.died: list[dict[str, Any]] = []
        self.tasks: list[asyncio.Task[Any]] = []
        self._programs = programs
        self._pause_s = pause_s
        self._selector = _Jump(clock)
        self._clock_resolution = 1e-7  # of a float of seconds after a year: timers that are nearly due are
        self.set_exception_handler(lambda _, context: self.died.append(context))
        self.set_task_factory(_task)

    def time(self) -> float:
        """Seconds since the history began."""
        return self.clock.now_s

    def run_in_executor(self, executor: Executor | None, func: Callable[..., T], *args: Any) -> asyncio.Future[T]:  # type: ignore[override] # the stub says async
        """Run it here and now; whoever waits for it hears of it a little later, as from a thread."""
        assert executor is None, "a process pool under virtual time: give the simulator a fake of it"
        done: asyncio.Future[T] = self.create_future()
        try:
            result = func(*args)
        except Exception as exc:  # noqa: BLE001  # it belongs to whoever waits
            self.call_later(self._pause_s(), _answer, done, None, exc)
        else:
            self.call_later(self._pause_s(), _answer, done, result, None)
        return done

    def abandon(self) -> None:
        """As by a power cut: nothing of what runs here goes on, not even its `finally`."""
        for task in self.tasks:
            task._log_destroy_pending = False  # type: ignore[attr-defined]
        self._ready.clear()  # type: ignore[attr-defined]
        self._scheduled.clear()  # type: ignore[attr-defined]

    async def _make_subprocess_transport(
        self, protocol: asyncio.SubprocessProtocol, args: tuple[str, ...], *rest: Any, **how: Any
    ) -> asyncio.SubprocessTransport:
        assert self._programs, "no programs are played here"
        await asyncio.sleep(self._pause_s())
        transport = self._programs(protocol, args)
        protocol.connection_made(transport)
        return transport

    def _process_events(self, event_list: list[object]) -> None:
        """There are none: no sockets."""

    def _write_to_self(self) -> None:
        """Nobody else's thread wakes this loop."""


def _task(loop: asyncio.AbstractEventLoop, coroutine: Any, context: Context | None = None) -> asyncio.Task[Any]:
    assert isinstance(loop, VirtualLoop)
    task = _Task(coroutine, loop=loop, context=context)
    loop.tasks.append(task)
    if len(loop.tasks) > 4_096:
        loop.tasks = [each for each in loop.tasks if not each.done()]
    return task


def _answer(done: "asyncio.Future[T]", result: Any, exc: Exception | None) -> None:
    if done.cancelled():
        return
    if exc is not None:
        done.set_exception(exc)
    else:
        done.set_result(result)
