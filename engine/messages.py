"""Everything said across the wall between the front and a worker, both directions, and how it is framed.

A frame is a 4-byte big-endian length and one msgpack value, a tagged struct below; no pickle. Values are checked while
decoding, the recipe's bounds included. Knows nothing of processes or tensors.

    front → worker   Draw, Cancel, Load, Close
    worker → front   Ready, Heartbeat, LoadingModel, Loaded, LoadFailed, Ticked, Drawn, Finished

The first thing a worker says is `Ready`; before it only `Heartbeat`. Every `Draw` is answered by exactly one
`Finished`, with the pictures before it in `Drawn`. End of file in either direction ends the worker.
"""

import struct
from collections.abc import Iterator
from typing import TypeVar

import msgspec

from engine.domain import Job, Raster
from engine.errors import DarkroomError, InvalidRecipe, ProtocolError

PROTOCOL_VERSION = 1
MAX_FRAME_BYTES = 64 * 2**20  # the largest honest frame is a 2048 x 2048 RGB raster, 12 MiB
_HEADER = struct.Struct(">I")


class Draw(msgspec.Struct, frozen=True, tag=True):
    """Draw this job; it joins the running batch at the next step boundary.

    Raises: InvalidRecipe if the pixels of its source are not there.
    """

    job: Job

    def __post_init__(self) -> None:
        if self.job.lacks_source:
            raise InvalidRecipe("A recipe with a source needs the source's pixels.")


class Cancel(msgspec.Struct, frozen=True, tag=True):
    """Take this job out at the next step boundary; unknown and finished ids are ignored."""

    job_id: str


class Load(msgspec.Struct, frozen=True, tag=True):
    """Bring a model to the device before anyone needs it; answered by `Loaded` or `LoadFailed`."""

    model: str


class Close(msgspec.Struct, frozen=True, tag=True):
    """Exit at once, with status 0."""


class Ready(msgspec.Struct, frozen=True, tag=True):
    """The handshake. `device` as torch names it ("cuda:0"), `n_devices` cards of that kind, `dtype` of the weights."""

    protocol: int
    pid: int
    device: str
    device_name: str
    n_devices: int
    dtype: str
    versions: dict[str, str]


class Heartbeat(msgspec.Struct, frozen=True, tag=True):
    """From a thread of its own, once a second: slow is not silent. `rss_mib`: resident memory of the worker.

    `n_works` counts the pieces of work that are done, ticks among them, also those that no other message tells of: a
    picture set up, a layer decoded. It stands still while the loop is in one piece, or hangs.
    """

    n_ticks: int
    n_jobs: int
    rss_mib: int
    n_works: int = 0


class LoadingModel(msgspec.Struct, frozen=True, tag=True):
    """A model is on its way; `fraction` in [0, 1]."""

    model: str
    fraction: float
    doing: str


class Loaded(msgspec.Struct, frozen=True, tag=True):
    """A model is on the device; `native_*_px` is the size it was trained for."""

    model: str
    family: str
    native_width_px: int
    native_height_px: int
    seconds: float


class LoadFailed(msgspec.Struct, frozen=True, tag=True):
    """A model asked for by `Load` cannot be had; `sentence` says why, for a person."""

    model: str
    sentence: str
    their_fault: bool


class JobStep(msgspec.Struct, frozen=True):
    """How far one job is, summed over its pictures; `previews` by picture index, only when one is due."""

    job_id: str
    step: int
    n_steps: int
    previews: dict[int, Raster]


class Ticked(msgspec.Struct, frozen=True, tag=True):
    """One denoising step ran for these jobs. `rows` shared it; at most `row_cap` rows pay off in that lane now."""

    jobs: list[JobStep]
    rows: int
    row_cap: int
    seconds: float


class Drawn(msgspec.Struct, frozen=True, tag=True):
    """One picture of a job is finished: `raster` at the recipe's size."""

    job_id: str
    index: int
    raster: Raster


class Drew(msgspec.Struct, frozen=True, tag=True):
    """All pictures of the job were sent. `gpu_s`: its share of the device's seconds."""

    gpu_s: float


class WasCancelled(msgspec.Struct, frozen=True, tag=True):
    """The job left the batch because it was asked to."""


class Broke(msgspec.Struct, frozen=True, tag=True):
    """The job cannot be drawn; `sentence` for the person, `detail` for the log."""

    sentence: str
    their_fault: bool
    detail: str = ""


class Finished(msgspec.Struct, frozen=True, tag=True):
    """The one last word about a `Draw`."""

    job_id: str
    result: Drew | WasCancelled | Broke


ToWorker = Draw | Cancel | Load | Close
FromWorker = Ready | Heartbeat | LoadingModel | Loaded | LoadFailed | Ticked | Drawn | Finished

_encoder = msgspec.msgpack.Encoder()
_to_worker: msgspec.msgpack.Decoder[ToWorker] = msgspec.msgpack.Decoder(ToWorker)
_from_worker: msgspec.msgpack.Decoder[FromWorker] = msgspec.msgpack.Decoder(FromWorker)

M = TypeVar("M")


def frame(message: ToWorker | FromWorker) -> bytes:
    """Encode one message with its length before it.

    Raises: ProtocolError if it is larger than a frame may be.
    """
    body = _encoder.encode(message)
    if len(body) > MAX_FRAME_BYTES:
        raise ProtocolError(f"A message of {len(body):,} bytes is larger than a frame may be.")
    return _HEADER.pack(len(body)) + body


class Unframer:
    """Cuts a byte stream back into bodies: `feed` what was read, take what is whole. One per stream."""

    def __init__(self) -> None:
        self._buffer = bytearray()

    def feed(self, chunk: bytes) -> Iterator[bytes]:
        """Yield each body that `chunk` completes.

        Raises: ProtocolError for a length no honest frame has.
        """
        self._buffer += chunk
        while len(self._buffer) >= _HEADER.size:
            (length,) = _HEADER.unpack_from(self._buffer)
            if length > MAX_FRAME_BYTES:
                raise ProtocolError(f"A frame claims {length:,} bytes: the pipe holds something that is not ours.")
            end = _HEADER.size + length
            if len(self._buffer) < end:
                return
            body = bytes(self._buffer[_HEADER.size : end])
            del self._buffer[:end]
            yield body


def to_worker(body: bytes) -> ToWorker:
    """Decode what the front said. Raises: ProtocolError."""
    return _decode(_to_worker, body)


def from_worker(body: bytes) -> FromWorker:
    """Decode what a worker said. Raises: ProtocolError."""
    return _decode(_from_worker, body)


def _decode(decoder: "msgspec.msgpack.Decoder[M]", body: bytes) -> M:
    try:
        return decoder.decode(body)
    except (msgspec.MsgspecError, UnicodeDecodeError, DarkroomError) as exc:
        raise ProtocolError(f"A frame could not be decoded: {exc}") from exc
