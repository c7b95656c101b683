"""A bound socket, or a sentence that says why there is none. One socket, so that port 0 comes to one number."""

import asyncio
import errno
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from engine.errors import UserError

_TAKEN = (
    "Port {port} on {host} is taken by another program; set DARKROOM_WEB_PORT to another, or to 0 for any free one."
)
_FORBIDDEN = "This user may not serve port {port}; set DARKROOM_WEB_PORT to one above 1023."
_NOT_OURS = "{host} is no address of this computer; set DARKROOM_WEB_HOST to one that is, such as 127.0.0.1."


async def bound(host: str, port: int) -> socket.socket:
    """A socket that is bound to one address. Raises: UserError."""
    with sentences(host, port):
        found = await asyncio.get_running_loop().getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )
        family, kind, protocol, _, address = found[0]
        made = socket.socket(family, kind, protocol)
        try:
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # not to wait for what the last life left
            if family == socket.AF_INET6:
                made.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 0)  # "::" is all addresses, the old ones too
            made.setblocking(False)
            made.bind(address)
        except BaseException:
            made.close()
            raise
        return made


@contextmanager
def sentences(host: str, port: int) -> Iterator[None]:
    """What the system says about an address, for a person."""
    try:
        yield
    except OSError as exc:
        match exc.errno:
            case errno.EADDRINUSE:
                sentence = _TAKEN
            case errno.EACCES | errno.EPERM:
                sentence = _FORBIDDEN
            case _:
                sentence = _NOT_OURS
        raise UserError(sentence.format(host=host, port=port)) from exc
