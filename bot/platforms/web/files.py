"""Files to browsers: somebody's pictures and papers, and the page's own.

A name is looked up, never joined to a path.
"""

import asyncio
import hashlib
import re
from dataclasses import dataclass
from http import HTTPStatus
from pathlib import Path
from urllib.parse import quote

from aiohttp import web

from bot.platforms.web.door import PERSON
from bot.platforms.web.refusals import NOT_FOUND, Refused
from bot.platforms.web.seams import Served, WebStudio

STATIC = Path(__file__).parent / "static"
MEDIA_TYPES = {
    ".html": "text/html",
    ".js": "text/javascript",
    ".css": "text/css",
    ".svg": "image/svg+xml",
    ".png": "image/png",
    ".webp": "image/webp",
    ".ico": "image/x-icon",
    ".woff2": "font/woff2",
    ".webmanifest": "application/manifest+json",
}
# A picture's name never means another picture; but one that was deleted should leave the browser too before long.
PICTURE_CACHE = "private, max-age=3600, immutable"
PAPER_CACHE = "no-store"  # an export holds everything about somebody, and is gone here within the hour
SHOWN_PAPERS = ("image/png", "image/webp")  # all else is saved, whatever a browser would make of it
_GONE = "That file is no longer kept."
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")


@dataclass(frozen=True, slots=True, kw_only=True)
class Asset:
    """A file of the page, whole in memory."""

    body: bytes
    media_type: str
    etag: str


class Assets:
    """The page's own files: those that were there at the start, and nothing else."""

    def __init__(self, assets: dict[str, Asset]) -> None:
        self._assets = assets

    @classmethod
    async def read(cls, folder: Path = STATIC) -> "Assets":
        """Read all of them."""
        return cls(await asyncio.to_thread(read_folder, folder))

    def routes(self) -> list[web.RouteDef]:
        """The page and what it loads."""
        return [
            web.get("/", self.index),
            web.get("/favicon.ico", self.favicon),
            web.get("/static/{name:.+}", self.asset),
        ]

    async def index(self, request: web.Request) -> web.StreamResponse:
        """The page."""
        return self._serve(request, "index.html")

    async def favicon(self, request: web.Request) -> web.StreamResponse:
        """What browsers ask for by themselves."""
        return self._serve(request, "favicon.ico" if "favicon.ico" in self._assets else "favicon.svg")

    async def asset(self, request: web.Request) -> web.StreamResponse:
        """A script, a style, a picture of the page."""
        return self._serve(request, request.match_info["name"])

    def _serve(self, request: web.Request, name: str) -> web.Response:
        asset = self._assets.get(name)
        if asset is None:
            raise Refused(HTTPStatus.NOT_FOUND, NOT_FOUND)
        headers = {"Cache-Control": "no-cache", "ETag": asset.etag}
        if asset.etag in request.headers.get("If-None-Match", ""):
            return web.Response(status=HTTPStatus.NOT_MODIFIED, headers=headers)
        charset = "utf-8" if asset.media_type.startswith("text/") else None
        return web.Response(body=asset.body, content_type=asset.media_type, charset=charset, headers=headers)


def read_folder(folder: Path) -> dict[str, Asset]:
    """Every file of a kind that a page has, by its path with slashes. Blocking."""
    files = [path for path in sorted(folder.rglob("*")) if path.is_file() and path.suffix in MEDIA_TYPES]
    return {path.relative_to(folder).as_posix(): asset(path.read_bytes(), path.suffix) for path in files}


def asset(body: bytes, suffix: str) -> Asset:
    """A file as it is served."""
    etag = f'"{hashlib.sha256(body).hexdigest()[:24]}"'
    return Asset(body=body, media_type=MEDIA_TYPES[suffix], etag=etag)


class Pictures:
    """The pictures and papers of whoever asks. Whose they are is for the studio to say."""

    def __init__(self, studio: WebStudio) -> None:
        self._studio = studio

    def routes(self) -> list[web.RouteDef]:
        """One address for each kind of file."""
        return [
            web.get(r"/{kind:picture}/{name:[0-9a-z]{1,16}(?:\.[0-9]{1,3})?}.png", self.file),
            web.get(r"/{kind:thumbnail}/{name:[0-9a-z]{1,16}(?:\.[0-9]{1,3})?}.webp", self.file),
            web.get(r"/{kind:animation}/{name:[0-9a-z]{1,16}(?:\.[0-9]{1,3})?}.webp", self.file),
            web.get(r"/{kind:upload}/{name:[0-9A-Za-z_-]{1,64}}.png", self.file),
            web.get(r"/api/{kind:paper}/{name:[0-9A-Za-z_-]{1,64}}", self.paper),
        ]

    async def file(self, request: web.Request) -> web.StreamResponse:
        """A file that the browser may keep; with `?download=1` to be saved under a speaking name."""
        served = await self._found(request)
        return _sent(served, PICTURE_CACHE, is_saved=bool(request.query.get("download")))

    async def paper(self, request: web.Request) -> web.StreamResponse:
        """A chart to look at, or an export to save; nobody keeps a copy on the way."""
        served = await self._found(request)
        is_saved = bool(request.query.get("download")) or served.media_type not in SHOWN_PAPERS
        return _sent(served, PAPER_CACHE, is_saved=is_saved)

    async def _found(self, request: web.Request) -> Served:
        kind, name = request.match_info["kind"], request.match_info["name"]
        served = await self._studio.file(request[PERSON].owner, name, kind)
        if not await asyncio.to_thread(served.path.is_file):
            raise Refused(HTTPStatus.NOT_FOUND, _GONE)
        return served


def _sent(served: Served, cache: str, *, is_saved: bool) -> web.FileResponse:
    headers = {"Content-Type": served.media_type, "Cache-Control": cache}
    if is_saved:
        headers["Content-Disposition"] = disposition(served.download_name)
    return web.FileResponse(served.path, headers=headers)


def disposition(name: str) -> str:
    """Save it, under this name: the plain one for old programs, the whole one for the rest."""
    plain = _UNSAFE.sub("-", name).strip("-.") or "picture"
    whole = quote(name.replace("/", "-"), safe="", errors="replace")
    return f"attachment; filename=\"{plain}\"; filename*=UTF-8''{whole}"
