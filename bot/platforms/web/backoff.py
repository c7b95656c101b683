"""Wrong passwords cost time, more with each: by address, so that guessing is hopeless and a typing error costs nothing.

Pure but for the memory of who failed. Times are seconds of any clock that only goes forward.
"""

import ipaddress
from collections import OrderedDict
from dataclasses import dataclass

FREE_FAILURES = 3
LONGEST_S = 900.0
MAX_ADDRESSES = 4_096  # remembered; the longest quiet are forgotten first


@dataclass(frozen=True, slots=True)
class _Failures:
    count: int
    until_s: float


class Backoff:
    """Who has to wait how long."""

    def __init__(self) -> None:
        self._failures: OrderedDict[str, _Failures] = OrderedDict()

    def wait_s(self, address: str, now_s: float) -> float:
        """Seconds until this address may try again; 0 is now."""
        failures = self._failures.get(_network(address))
        return max(0.0, failures.until_s - now_s) if failures else 0.0

    def fail(self, address: str, now_s: float) -> float:
        """Note a failure; returns how long to wait now: 0 for the first few, then twice as long each time."""
        network = _network(address)
        earlier = self._failures.pop(network, None)
        count = earlier.count + 1 if earlier else 1
        wait_s = 0.0 if count <= FREE_FAILURES else min(LONGEST_S, 2.0 ** min(count - FREE_FAILURES, 16))
        self._failures[network] = _Failures(count, now_s + wait_s)
        if len(self._failures) > MAX_ADDRESSES:
            self._failures.popitem(last=False)
        return wait_s

    def succeed(self, address: str) -> None:
        """Forget the failures of an address."""
        self._failures.pop(_network(address), None)


def _network(address: str) -> str:
    """Who shares the fate of an address: of IPv6 the /64 that one household has to choose from."""
    try:
        parsed = ipaddress.ip_address(address.partition("%")[0])
    except ValueError:
        return address[:64]
    if isinstance(parsed, ipaddress.IPv4Address):
        return str(parsed)
    return str(parsed.ipv4_mapped or ipaddress.ip_network((parsed, 64), strict=False))
