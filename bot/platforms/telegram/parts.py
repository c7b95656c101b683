"""How much of an answer went out, where it is several messages: what a pause interrupts goes on there. In memory.

Knows nothing of what is sent.
"""

from collections import OrderedDict

_KEPT = 1_024  # answers that were interrupted at this moment


class Parts:
    """Counts, by the event that is answered. A restart knows of none: that answer begins anew."""

    def __init__(self) -> None:
        self._out: OrderedDict[str, int] = OrderedDict()

    def n_out(self, event: str) -> int:
        """How many went out."""
        return self._out.get(event, 0)

    def note(self, event: str, n_out: int) -> None:
        """So many did."""
        self._out[event] = n_out
        self._out.move_to_end(event)
        while len(self._out) > _KEPT:
            self._out.popitem(last=False)

    def is_over(self, event: str) -> None:
        """All of it did, or nothing more will."""
        self._out.pop(event, None)
