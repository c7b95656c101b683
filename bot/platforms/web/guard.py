"""What a request must bring before anybody looks at it, and what every answer carries. Pure rules, then the middleware.

A page on this computer is reachable for every site that is open in its browser: the Host header tells a name that was
pointed here (DNS rebinding), Origin, Sec-Fetch-Site and a header that no form can send tell a request that another site
made. Knows nothing of people.
"""

import asyncio
from collections.abc import Awaitable, Callable, Mapping
from http import HTTPStatus

from aiohttp import hdrs, web
from multidict import CIMultiDictProxy

from bot.apology import unexpected
from bot.platforms.web import pages, wire
from bot.platforms.web.refusals import Refused, refused, sentence_for
from bot.platforms.web.settings import WebSettings
from engine.errors import DarkroomError

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

OURS = "X-Darkroom"
SAME_SITE = ("same-origin", "none")  # "none": typed into the address bar
FORMS = ("/sign-in", "/sign-in/{link}", "/sign-out")  # plain forms, which cannot send a header: Origin alone tells
HOOKS = "/hooks/{chat}"  # programs that bring a key: no browser can make them, and their Host is what a proxy says
SAFE_METHODS = ("GET", "HEAD")
FORWARDED = ("Forwarded", "X-Forwarded-For", "X-Forwarded-Host", "X-Real-IP")
SECURITY = {
    "Content-Security-Policy": (
        "default-src 'self'; img-src 'self' blob: data:; style-src 'self'; script-src 'self'; connect-src 'self'; "
        "object-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'self'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), microphone=(), geolocation=()",
    "Server": "Darkroom",
}
_FOREIGN_HOST = "This page does not go by that name. If it should, put the name into DARKROOM_WEB_HOSTS."
_FOREIGN = "That came from another site; open the page itself to do it."
_NO_HEADER = f"A request that changes something needs the header {OURS}: 1."
_PROXIED = (
    "This came through a proxy, and a page without a password is for this computer alone. "
    "Set DARKROOM_WEB_PASSWORD to serve it to others."
)


def check_host(hosts: list[str], allowed: frozenset[str]) -> None:
    """Raises: Refused unless there is exactly one Host, and it is ours."""
    if len(hosts) != 1 or hosts[0].strip().lower() not in allowed:
        raise Refused(HTTPStatus.FORBIDDEN, _FOREIGN_HOST)


def own_address(transport: asyncio.Transport | None) -> frozenset[str]:
    """The address that this connection was made to, as a Host: a number belongs to nobody else's name."""
    name = transport.get_extra_info("sockname") if transport else None
    if not isinstance(name, tuple):
        return frozenset()
    address, port = str(name[0]).partition("%")[0], name[1]
    return frozenset({f"[{address}]:{port}" if ":" in address else f"{address}:{port}"})


def check_direct(headers: Mapping[str, str]) -> None:
    """Where the page is open to whoever connects, nobody may connect through somebody else. Raises: Refused."""
    if any(name in headers for name in FORWARDED):
        raise Refused(HTTPStatus.FORBIDDEN, _PROXIED)


def check_read(path: str, headers: Mapping[str, str]) -> None:
    """Another site may link to us and never load our pictures or answers into itself. Raises: Refused."""
    if headers.get("Sec-Fetch-Site", "none") in SAME_SITE:
        return
    if path.startswith("/api/") or headers.get("Sec-Fetch-Mode") != "navigate":
        raise Refused(HTTPStatus.FORBIDDEN, _FOREIGN)


def check_write(headers: CIMultiDictProxy[str], *, is_form: bool) -> None:
    """Raises: Refused unless a page of our own sent it, or a program that is no browser."""
    if headers.get("Sec-Fetch-Site", "none") not in SAME_SITE:
        raise Refused(HTTPStatus.FORBIDDEN, _FOREIGN)
    host = headers["Host"].strip().lower()
    for origin in headers.getall("Origin", []):
        if origin.lower() not in (f"http://{host}", f"https://{host}"):
            raise Refused(HTTPStatus.FORBIDDEN, _FOREIGN)
    if not is_form and headers.get(OURS) != "1":
        raise Refused(HTTPStatus.FORBIDDEN, _NO_HEADER)


def middleware(settings: WebSettings, allowed: frozenset[str]) -> Callable[..., Awaitable[web.StreamResponse]]:
    """The outermost one: whatever is raised inside becomes a sentence, and strangers do not get inside."""

    @web.middleware
    async def guard(request: web.Request, handler: Handler) -> web.StreamResponse:
        try:
            if route_of(request) != HOOKS:
                _check(request, settings, allowed)
            return await handler(request)
        except Refused as exc:
            return answer(request, exc)
        except DarkroomError as exc:
            return answer(request, refused(exc))
        except web.HTTPException as exc:
            if exc.status < HTTPStatus.BAD_REQUEST:
                raise
            return answer(request, Refused(exc.status, sentence_for(exc.status)))
        except ConnectionError:
            raise  # nobody is there to be answered
        except Exception:  # noqa: BLE001  # the platform edge
            sentence = unexpected(f"{request.method} {route_of(request)}")
            return answer(request, Refused(HTTPStatus.INTERNAL_SERVER_ERROR, sentence))

    return guard


def _check(request: web.Request, settings: WebSettings, allowed: frozenset[str]) -> None:
    check_host(request.headers.getall(hdrs.HOST, []), allowed | own_address(request.transport))
    if settings.is_open:
        check_direct(request.headers)
    if request.method in SAFE_METHODS:
        check_read(request.path, request.headers)
    else:
        check_write(request.headers, is_form=route_of(request) in FORMS)


def route_of(request: web.Request) -> str:
    """The pattern that an address fits, "?" for none: what it really is, however it was written."""
    resource = request.match_info.route.resource
    return resource.canonical if resource else "?"


def answer(request: web.Request, exc: Refused) -> web.Response:
    """A sentence, as JSON for programs and as a small page for people."""
    headers = {"Cache-Control": "no-store"}
    if exc.wait_s is not None:
        headers["Retry-After"] = str(max(1, round(exc.wait_s)))
    if request.path.startswith("/api/"):
        body, kind = wire.encode(wire.Error(str(exc))), "application/json"
    else:
        body, kind = pages.sentence(str(exc)).encode(), "text/html"
    return web.Response(status=exc.status, body=body, content_type=kind, charset="utf-8", headers=headers)


async def on_prepare(request: web.BaseRequest, response: web.StreamResponse) -> None:
    """Every answer carries these, streams and files too; a page may say otherwise of its referrers."""
    for name, value in SECURITY.items():
        response.headers.setdefault(name, value)
    response.headers["Server"] = SECURITY["Server"]
    response.headers.setdefault("Cache-Control", "no-store")


def json_body(value: object) -> web.Response:
    """An answer as JSON, never kept by anybody."""
    body = wire.encode(value)
    return web.Response(body=body, content_type="application/json", charset="utf-8")


async def read_json(request: web.Request, kind: type[wire.T]) -> wire.T:
    """The body of a request. Raises: Refused for another type, no JSON, or another shape."""
    if request.content_type != "application/json":
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "This address takes JSON (Content-Type: application/json).")
    return wire.read(await request.read(), kind)
