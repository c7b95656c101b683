"""Pixels → marked file bytes, and strangers' files → pixels, off the event loop: the one encoder of the product.

A finished PNG carries its recipe twice: as `parameters` in the words that AUTOMATIC1111's web UI writes and many tools
read, and as JSON under `darkroom`, from which the `Recipe` is rebuilt exactly. Pure Pillow, in a process pool whose
processes never import torch. Knows nothing of files on disk, chats or the worker.
"""

import asyncio
import io
import json
import multiprocessing
import os
import signal
import struct
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from importlib import metadata
from pathlib import PurePath
from typing import Any, ParamSpec, TypeVar

import msgspec
from PIL import Image
from PIL.PngImagePlugin import PngInfo

from engine.domain import Picture, Raster, Recipe, Sampler
from engine.errors import DarkroomError, JobError
from engine.intake import raster_from_file

JSON_KEYWORD = "darkroom"
JSON_VERSION = 1
# Two texts of 4,000 characters and a model name of 1,024, each character at most `\ud83d\ude00`: 108,288 bytes.
MAX_JSON_BYTES = 128 * 2**10
# Encoding is short (CPU seconds of one core: 0.004 at 128 px, 0.16 at 1024 px, 0.65 at 2048 px): more processes would
# only take cores from the worker.
MAX_PROCESSES = 2
# The names that A1111 writes, which are the ones people know.
A1111_SAMPLERS = {
    Sampler.DDIM: "DDIM",
    Sampler.PLMS: "PLMS",
    Sampler.EULER: "Euler",
    Sampler.EULER_A: "Euler a",
    Sampler.DPMPP_2M: "DPM++ 2M",
    Sampler.UNIPC: "UniPC",
    Sampler.DDPM: "DDPM",
    Sampler.LCM: "LCM",
}
_PNG_SIGNATURE = b"\x89PNG\r\n\x1a\n"
_CHUNK_HEADER = struct.Struct(">I4s")
_CRC_BYTES = 4
# A PNG text may hold no control character but the newline (PNG 3, 11.3.3); the exact words are in our JSON.
_PLAIN = {code: " " for code in (*range(0x20), *range(0x7F, 0xA0)) if chr(code) != "\n"}

P = ParamSpec("P")
T = TypeVar("T")


class _Label(msgspec.Struct, frozen=True, kw_only=True):
    """Our JSON in a picture. `v`: a reader of version 1 reads no other."""

    v: int
    recipe: Recipe


def version() -> str:
    """Darkroom's own version, "0+unknown" where it runs without being installed."""
    try:
        return metadata.version("darkroom")
    except metadata.PackageNotFoundError:
        return "0+unknown"


def parameters_text(recipe: Recipe) -> str:
    """The recipe as A1111 writes it: the prompt, the negative prompt, one line of settings."""
    settings = {
        "Steps": str(recipe.steps),
        "Sampler": A1111_SAMPLERS[recipe.sampler],
        "CFG scale": _shortest(recipe.guidance),
        "Seed": str(recipe.seed),
        "Size": f"{recipe.width_px}x{recipe.height_px}",
        # A1111 names a checkpoint by its file's stem; a whole path would tell strangers about somebody's disk.
        "Model": PurePath(recipe.model).name.removesuffix(".safetensors"),
    }
    if recipe.source:
        settings["Denoising strength"] = _shortest(recipe.source.strength)
    settings["Version"] = f"Darkroom {version()}"
    lines = [recipe.prompt.replace("\r\n", "\n").replace("\r", "\n")]
    if recipe.negative:
        lines.append(f"Negative prompt: {recipe.negative}".replace("\r\n", "\n").replace("\r", "\n"))
    lines.append(", ".join(f"{name}: {_quoted(value)}" for name, value in settings.items()))
    return "\n".join(lines).translate(_PLAIN)


def png(picture: Picture) -> bytes:
    """Encode a picture with its recipe in it. Pure: the same picture and version give the same bytes."""
    words = PngInfo()
    words.add_text("parameters", parameters_text(picture.recipe))
    label = msgspec.to_builtins(_Label(v=JSON_VERSION, recipe=picture.recipe))
    words.add_text(JSON_KEYWORD, json.dumps(label, ensure_ascii=True, separators=(",", ":")))
    raster, buffer = picture.raster, io.BytesIO()
    image = Image.frombytes("RGB", (raster.width_px, raster.height_px), raster.rgb)
    image.save(buffer, format="PNG", pnginfo=words)
    return buffer.getvalue()


def recipe_from_png(file: bytes) -> Recipe | None:
    """The recipe that `png` wrote; None for any other bytes, whatever they are. Decodes no pixels."""
    for kind, body in _chunks(file):
        keyword, _, text = body.partition(b"\0")
        if kind == b"tEXt" and keyword == JSON_KEYWORD.encode():
            return _recipe_from_json(text)
    return None


def _recipe_from_json(text: bytes) -> Recipe | None:
    if len(text) > MAX_JSON_BYTES:
        return None
    try:
        label = msgspec.json.decode(text, type=_Label)
    except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError, DarkroomError):
        return None
    return label.recipe if label.v == JSON_VERSION else None


def _chunks(file: bytes) -> Iterator[tuple[bytes, bytes]]:
    """The chunks before the pixels, as far as `file` is a PNG. Every round moves on by at least 12 bytes."""
    at = len(_PNG_SIGNATURE)
    if not file.startswith(_PNG_SIGNATURE):
        return
    while at + _CHUNK_HEADER.size <= len(file):
        length, kind = _CHUNK_HEADER.unpack_from(file, at)
        at += _CHUNK_HEADER.size
        if kind == b"IDAT" or at + length > len(file):
            return
        yield kind, file[at : at + length]
        at += length + _CRC_BYTES


def _shortest(value: float) -> str:
    """7 for 7.0, and every digit that counts."""
    return str(int(value)) if value == int(value) else repr(value)


def _quoted(value: str) -> str:
    """As A1111 quotes: JSON where the value would break the list it stands in."""
    return json.dumps(value, ensure_ascii=False) if any(mark in value for mark in ',:"\n') else value


class Finisher:
    """Encodes and reads pictures in processes of its own, which start with the first use.

    For one event loop. `close` it, or its processes stay until this one ends.
    """

    def __init__(self, max_processes: int = MAX_PROCESSES) -> None:
        self._max_processes = max_processes
        self._pool: ProcessPoolExecutor | None = None
        self._closed = False

    async def finish(self, picture: Picture) -> bytes:
        """PNG bytes with the recipe in them. Raises: JobError."""
        return await self._run(png, picture)

    async def read_source(self, file: bytes, width_px: int, height_px: int) -> Raster:
        """A stranger's picture at the size asked for. Raises: BadPicture, JobError."""
        return await self._run(raster_from_file, file, width_px, height_px)

    async def close(self) -> None:
        """Let go of the processes; they end when what they do is done. Idempotent."""
        self._closed = True
        pool, self._pool = self._pool, None
        if pool:
            await asyncio.to_thread(pool.shutdown, cancel_futures=True)

    async def _run(self, work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run it in the pool; when a process dies, once more in a new pool."""
        assert not kwargs
        for _attempt in range(2):
            if self._closed:
                break
            pool = self._pool = self._pool or _new_pool(self._max_processes)
            try:
                return await asyncio.get_running_loop().run_in_executor(pool, work, *args)
            except BrokenProcessPool:
                if self._pool is pool:  # several wait on one pool: the first to notice replaces it for all
                    self._pool = None
                pool.shutdown(wait=False)
        raise JobError("The picture could not be encoded: the process that does it died twice.")


def _new_pool(max_processes: int) -> ProcessPoolExecutor:
    """`spawn`, because a fork of a process with threads may deadlock."""
    return ProcessPoolExecutor(max_processes, multiprocessing.get_context("spawn"), _begin_process)


def _begin_process() -> None:
    """In each process of the pool: leave Ctrl-C to the parent, and never outlive it."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    parent: Any = multiprocessing.parent_process()
    threading.Thread(target=lambda: (parent.join(), os._exit(0)), daemon=True, name="exit-with-parent").start()
