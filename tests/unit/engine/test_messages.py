"""Frames: what goes in comes out, however it is cut, and nothing else gets through."""

from dataclasses import replace

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from engine.domain import Job, Mode, Raster, Recipe, Sampler, Source
from engine.errors import ProtocolError
from engine.messages import (
    MAX_FRAME_BYTES,
    Broke,
    Cancel,
    Close,
    Draw,
    Drawn,
    Drew,
    Finished,
    FromWorker,
    Heartbeat,
    JobStep,
    Load,
    Loaded,
    LoadFailed,
    LoadingModel,
    Ready,
    Ticked,
    ToWorker,
    Unframer,
    WasCancelled,
    frame,
    from_worker,
    to_worker,
)

RASTER = Raster(width_px=64, height_px=64, rgb=bytes(range(256)) * 48)
RECIPE = Recipe(
    prompt="a lighthouse, 灯台",
    model="pocket",
    seed=2**53 - 1,
    steps=30,
    guidance=7.5,
    sampler=Sampler.DPMPP_2M,
    width_px=64,
    height_px=64,
    mode=Mode.EXACT,
    source=Source(sha256="0" * 64, strength=0.5),
)
JOB = Job(id="j1", owner="discord:1", recipe=replace(RECIPE, seed=7), n_pictures=4, source=RASTER, deadline_s=60.0)

TO_WORKER: list[ToWorker] = [Draw(job=JOB), Cancel(job_id="j1"), Load(model="pocket"), Close()]
FROM_WORKER: list[FromWorker] = [
    Ready(protocol=1, pid=1, device="cpu", device_name="x", n_devices=1, dtype="float32", versions={"torch": "2"}),
    Heartbeat(n_ticks=1, n_jobs=2, rss_mib=3),
    LoadingModel(model="pocket", fraction=0.5, doing="reading the UNet"),
    Loaded(model="pocket", family="sd1", native_width_px=128, native_height_px=128, seconds=1.5),
    LoadFailed(model="x", sentence="There is no model x.", their_fault=True),
    Ticked(jobs=[JobStep(job_id="j1", step=1, n_steps=8, previews={2: RASTER})], rows=2, row_cap=8, seconds=0.1),
    Drawn(job_id="j1", index=3, raster=RASTER),
    Finished(job_id="j1", result=Drew(gpu_s=0.5)),
    Finished(job_id="j1", result=WasCancelled()),
    Finished(job_id="j1", result=Broke(sentence="No.", their_fault=False, detail="trace")),
]


@pytest.mark.parametrize("message", TO_WORKER, ids=lambda message: type(message).__name__)
def test_what_the_front_says_arrives(message: ToWorker) -> None:
    """Every command survives the wall unchanged."""
    (body,) = Unframer().feed(frame(message))
    assert to_worker(body) == message


@pytest.mark.parametrize("message", FROM_WORKER, ids=lambda message: type(message).__name__)
def test_what_a_worker_says_arrives(message: FromWorker) -> None:
    """Every report survives the wall unchanged."""
    (body,) = Unframer().feed(frame(message))
    assert from_worker(body) == message


@given(st.lists(st.integers(1, 40_000), max_size=30))
def test_a_stream_may_be_cut_anywhere(cuts: list[int]) -> None:
    """However the bytes arrive, the same messages come out in order."""
    stream, unframer, bodies = b"".join(map(frame, FROM_WORKER)), Unframer(), list[bytes]()
    for cut in [*cuts, len(stream)]:
        bodies += unframer.feed(stream[:cut])
        stream = stream[cut:]
    assert [from_worker(body) for body in bodies] == FROM_WORKER


@given(st.binary(max_size=200))
def test_noise_is_refused_as_such(noise: bytes) -> None:
    """Bytes that are no message raise ProtocolError and nothing else, in both directions."""
    for decode in (to_worker, from_worker):
        try:
            message = decode(noise)
        except ProtocolError:
            continue
        assert decode(msgspec.msgpack.encode(message)) == message  # it was a message after all


def test_a_length_that_is_too_large_is_refused_before_it_is_read() -> None:
    """Text on the pipe claims gigabytes as a length; nobody waits for them."""
    with pytest.raises(ProtocolError, match="not ours"):
        list(Unframer().feed(b"Loading checkpoint"))
    assert list(Unframer().feed((MAX_FRAME_BYTES).to_bytes(4, "big"))) == []


def test_a_recipe_out_of_bounds_does_not_get_through() -> None:
    """The bounds of a recipe hold on both sides of the wall."""
    bad = msgspec.msgpack.encode(Draw(job=JOB)).replace(b"\xa5steps\x1e", b"\xa5steps\x00")
    with pytest.raises(ProtocolError, match="number of steps"):
        to_worker(bad)


def test_a_message_larger_than_a_frame_is_not_sent() -> None:
    """The sender finds out, not the receiver."""
    with pytest.raises(ProtocolError, match="larger"):
        frame(Load(model="x" * MAX_FRAME_BYTES))


def test_a_command_is_no_report() -> None:
    """The two directions have words of their own."""
    (body,) = Unframer().feed(frame(Close()))
    with pytest.raises(ProtocolError):
        from_worker(body)
