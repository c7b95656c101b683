"""What the operator decides about the page, and what follows from it: who is let in without a word, under which names.

Pure. Knows nothing of files, sockets or sessions.
"""

import ipaddress
from dataclasses import dataclass, field

from engine.errors import UserError

DEFAULT_PORT = 8321
LOOPBACK_NAMES = ("localhost", "127.0.0.1", "[::1]")
_ANY_ADDRESS = ("", "0.0.0.0", "::")  # noqa: S104  # compared with, never bound to
_LOCK_IT = "{why} Set DARKROOM_WEB_PASSWORD, or leave DARKROOM_WEB_HOST and DARKROOM_WEB_HOSTS unset."


@dataclass(frozen=True, slots=True, kw_only=True)
class WebSettings:
    """Where the page is served. `port` 0 is any free one.

    `hosts` are further names it is reached under ("darkroom.example.org", with a port where it is not the usual one).
    `is_behind_proxy`: the X-Forwarded-Proto and -For of a proxy in front are to be believed.
    """

    host: str = "127.0.0.1"
    port: int = DEFAULT_PORT
    password: str | None = field(default=None, repr=False)
    hosts: tuple[str, ...] = ()
    is_behind_proxy: bool = False

    @property
    def is_loopback(self) -> bool:
        """Only programs on this computer can connect."""
        return is_loopback(self.host)

    @property
    def is_open(self) -> bool:
        """Whoever opens the page is the operator: nobody else can, and no password was wished for."""
        return self.is_loopback and not self.password and not self.hosts

    @property
    def bind_address(self) -> str:
        """What to bind to. One address, so that port 0 is one port."""
        return "127.0.0.1" if self.host == "localhost" else self.host.strip("[]")

    def check(self) -> None:
        """Raises: UserError where the page would let strangers in."""
        if self.is_open or self.password:
            return
        if self.is_loopback:
            raise UserError(_LOCK_IT.format(why="A page that has a name of its own needs a password."))
        raise UserError(_LOCK_IT.format(why=f"A page on {self.host} is open to the network and needs a password."))

    def allowed_hosts(self, port: int) -> frozenset[str]:
        """The Host headers that are ours, in lower case: all else is another site's name pointed at this computer."""
        names = [*LOOPBACK_NAMES, _in_url(self.bind_address)]
        allowed = {f"{name}:{port}" for name in names}
        allowed |= set(names) if port == 80 else set()
        for host in self.hosts:
            name = host.strip().lower()
            allowed |= {name} if _has_port(name) else {name, f"{name}:{port}"}
        return frozenset(allowed)

    def url(self, port: int) -> str:
        """Where a browser on this computer finds the page."""
        address = "127.0.0.1" if self.bind_address in _ANY_ADDRESS else self.bind_address
        return f"http://{_in_url(address)}:{port}"

    def outer_url(self, port: int) -> str:
        """Where others find it, as far as is known: by the first of its names."""
        if not self.hosts:
            return self.url(port)
        name = self.hosts[0].strip().lower()
        if self.is_behind_proxy:
            return f"https://{name}"
        return f"http://{name}" if _has_port(name) else f"http://{name}:{port}"


def is_loopback(host: str) -> bool:
    """Whether binding to it keeps the network out. An unknown name may be any address, and is none."""
    if host.lower() == "localhost":
        return True
    try:
        return ipaddress.ip_address(host.strip("[]")).is_loopback
    except ValueError:
        return False


def _in_url(address: str) -> str:
    return f"[{address}]" if ":" in address else address.lower()


def _has_port(name: str) -> bool:
    return ":" in name.rpartition("]")[2]
