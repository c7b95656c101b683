"""Signing in and out over HTTP: the cookie, the form, the one-time link. Who is who is for `sessions.py`."""

import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus

from aiohttp import web

from bot.platforms.web import guard, pages, wire
from bot.platforms.web.backoff import Backoff
from bot.platforms.web.events import Events
from bot.platforms.web.refusals import Refused
from bot.platforms.web.sessions import SESSION_S, Person, Sessions
from bot.platforms.web.settings import WebSettings

PERSON = web.RequestKey("person", Person)
# What a browser may load before it is known who it is.
PUBLIC = ("/static/{name}", "/favicon.ico", "/sign-in", "/sign-in.css", "/sign-in/{link}", guard.HOOKS)
_FORM = "application/x-www-form-urlencoded"
_SIGN_IN_FIRST = "Sign in first: open the page."
_WRONG = "That is not the password."
_TOO_OFTEN = "Too many wrong passwords. Try again in {:.0f} s."
_USED_LINK = "This link was used already, or is older than ten minutes. Ask for a new one where you are signed in."
_NO_LINKS = "This page is open to this computer alone. Set DARKROOM_WEB_HOST and DARKROOM_WEB_PASSWORD to share it."
# `no-referrer` would make browsers send `Origin: null` with the form, which is what a foreign page can send as well.
_FORM_PAGE = {"Referrer-Policy": "same-origin"}


class Door:
    """The middleware that says who it is, and the addresses that let people in and out."""

    def __init__(self, settings: WebSettings, sessions: Sessions, events: Events) -> None:
        self._settings = settings
        self._sessions = sessions
        self._events = events
        self._backoff = Backoff()
        self.port = settings.port  # the one that was bound, once it is

    def routes(self) -> list[web.RouteDef]:
        """Where people come in and go out."""
        return [
            web.get("/sign-in", self.show_form),
            web.post("/sign-in", self.sign_in),
            web.get("/sign-in.css", self.show_style),
            web.get("/sign-in/{link}", self.show_link),
            web.post("/sign-in/{link}", self.use_link),
            web.post("/sign-out", self.sign_out),
            web.post("/api/sign-in-link", self.make_link),
        ]

    def middleware(self) -> Callable[..., Awaitable[web.StreamResponse]]:
        """Inside it `request[PERSON]` is there, but for what is public."""

        @web.middleware
        async def know(request: web.Request, handler: guard.Handler) -> web.StreamResponse:
            if guard.route_of(request) in PUBLIC:
                return await handler(request)
            person = await self._sessions.person(request.cookies.get(self._cookie))
            if person is None:
                if request.path == "/" or _wants_a_page(request):
                    raise web.HTTPSeeOther("/sign-in")
                raise Refused(HTTPStatus.UNAUTHORIZED, _SIGN_IN_FIRST)
            request[PERSON] = person
            return await handler(request)

        return know

    async def show_form(self, request: web.Request) -> web.StreamResponse:
        """The form to sign in with; who need not is sent on."""
        if await self._sessions.person(request.cookies.get(self._cookie)):
            raise web.HTTPSeeOther("/")
        is_sent_here = request.headers.get("Sec-Fetch-Site", "none") not in guard.SAME_SITE
        return _page(pages.sign_in(is_sent_here=is_sent_here))

    async def show_style(self, request: web.Request) -> web.StreamResponse:
        """How these pages look."""
        return web.Response(text=pages.STYLE, content_type="text/css", headers={"Cache-Control": "no-cache"})

    async def sign_in(self, request: web.Request) -> web.StreamResponse:
        """A name and the password make a new person."""
        if self._settings.is_open:
            raise web.HTTPSeeOther("/")
        form = await _form(request)
        address, now_s = self._address(request), time.monotonic()
        name, password = form.get("name", ""), form.get("password", "")
        if wait_s := self._backoff.wait_s(address, now_s):
            return _page(pages.sign_in(_TOO_OFTEN.format(wait_s + 0.5), name), HTTPStatus.TOO_MANY_REQUESTS, wait_s)
        if not self._sessions.is_password(password):
            self._backoff.fail(address, now_s)
            return _page(pages.sign_in(_WRONG, name), HTTPStatus.FORBIDDEN)
        self._backoff.succeed(address)
        return self._let_in(request, await self._sessions.begin(name))

    async def show_link(self, request: web.Request) -> web.StreamResponse:
        """Asks before the link is used: browsers and chats open links ahead of people."""
        return _page(pages.link(request.path))

    async def use_link(self, request: web.Request) -> web.StreamResponse:
        """A one-time link lets its person in."""
        token = await self._sessions.begin_by_link(request.match_info["link"])
        if token is None:
            raise Refused(HTTPStatus.GONE, _USED_LINK)
        return self._let_in(request, token)

    async def make_link(self, request: web.Request) -> web.StreamResponse:
        """A link for another browser of the same person."""
        if self._settings.is_open:
            raise Refused(HTTPStatus.CONFLICT, _NO_LINKS)
        person = request[PERSON]
        link = await self._sessions.link(person.owner, person.name)
        scheme = "https" if self._is_https(request) else "http"
        return guard.json_body(wire.Link(f"{scheme}://{request.host}/sign-in/{link}"))

    async def sign_out(self, request: web.Request) -> web.StreamResponse:
        """Ends the session here and its open streams."""
        person = request[PERSON]
        await self._sessions.end(person)
        if person.session:
            self._events.end_session(person.session)
        response = web.HTTPSeeOther("/sign-in", headers={"Clear-Site-Data": '"cache"'})
        response.del_cookie(self._cookie)
        raise response

    @property
    def _cookie(self) -> str:
        return f"darkroom-{self.port}"  # cookies know no ports, and two Darkrooms may be on one computer

    def _let_in(self, request: web.Request, token: str) -> web.Response:
        response = web.Response(status=HTTPStatus.SEE_OTHER, headers={"Location": "/"})
        response.set_cookie(
            self._cookie,
            token,
            max_age=int(SESSION_S),
            httponly=True,
            samesite="Strict",
            secure=self._is_https(request),
        )
        return response

    def _is_https(self, request: web.Request) -> bool:
        return self._settings.is_behind_proxy and request.headers.get("X-Forwarded-Proto", "").lower() == "https"

    def _address(self, request: web.Request) -> str:
        if self._settings.is_behind_proxy and (forwarded := request.headers.get("X-Forwarded-For")):
            return forwarded.rpartition(",")[2].strip()  # the last is the one our own proxy saw
        return request.remote or ""


async def _form(request: web.Request) -> dict[str, str]:
    if request.content_type != _FORM:
        raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "This address takes the form of its own page.")
    return {name: value for name, value in (await request.post()).items() if isinstance(value, str)}


def _page(text: str, status: int = HTTPStatus.OK, wait_s: float | None = None) -> web.Response:
    retry = {"Retry-After": str(max(1, round(wait_s)))} if wait_s is not None else {}
    return web.Response(status=status, text=text, content_type="text/html", headers=_FORM_PAGE | retry)


def _wants_a_page(request: web.Request) -> bool:
    is_page = "text/html" in request.headers.get("Accept", "") and not request.path.startswith("/api/")
    return request.method in guard.SAFE_METHODS and is_page
