"""The worker's end of the pipe: it does not outlive its front, and does not obey noise."""

import asyncio
import os
import signal
import sys

import pytest

from engine.messages import Close, Draw, Ready, Unframer, frame, from_worker
from tests.fakes.drawer import COMMAND
from tests.fakes.engines import SLOW, is_alive, job, until

# A front that has a worker in the middle of a 60 s step, says its process id, and stays.
FRONT = """
import asyncio
from tests.fakes.engines import SLOW, job, running_engine, watch_until

async def main():
    async with running_engine(*SLOW) as engine:
        await engine.submit(job("j"))
        await anext(engine.watch("j"))
        print("worker", engine.status().workers[0].ready.pid, flush=True)
        await asyncio.sleep(3600)

asyncio.run(main())
"""


async def start_worker() -> asyncio.subprocess.Process:
    """A drawer that is ready and was given a job with steps of 60 s."""
    pipe = asyncio.subprocess.PIPE
    worker = await asyncio.create_subprocess_exec(*COMMAND, *SLOW, stdin=pipe, stdout=pipe, stderr=pipe)
    assert worker.stdin
    assert worker.stdout
    unframer = Unframer()
    said: list[object] = []
    while not any(isinstance(message, Ready) for message in said):
        said += [from_worker(body) for body in unframer.feed(await worker.stdout.read(65536))]
    worker.stdin.write(frame(Draw(job=job("j"))))
    await worker.stdin.drain()
    return worker


async def ending_of(worker: asyncio.subprocess.Process) -> tuple[int | None, bytes]:
    """Its status and its words on standard error, well before its step could be over."""
    async with asyncio.timeout(30):
        _, stderr = await worker.communicate()
    return worker.returncode, stderr


async def test_a_worker_ends_when_its_pipe_closes_in_the_middle_of_a_step() -> None:
    """The front closes the pipe: the worker exits with status 0 and without a word, step or no step."""
    worker = await start_worker()
    assert worker.stdin
    worker.stdin.close()
    assert await ending_of(worker) == (0, b"")


async def test_a_worker_ends_when_it_is_told_to() -> None:
    """Close ends it in the middle of a step, with status 0."""
    worker = await start_worker()
    assert worker.stdin
    worker.stdin.write(frame(Close()))
    await worker.stdin.drain()
    assert await ending_of(worker) == (0, b"")


@pytest.mark.parametrize("noise", [b"\x00\x00\x00\x02no", b"GET / HTTP/1.1\r\n"])
async def test_a_worker_that_hears_noise_ends_with_a_line(noise: bytes) -> None:
    """What is no message of ours ends the worker with status 3, and standard error says so."""
    worker = await start_worker()
    assert worker.stdin
    worker.stdin.write(noise)
    await worker.stdin.drain()
    status, stderr = await ending_of(worker)
    assert status == 3
    assert b"no message" in stderr


async def test_a_worker_ends_when_nobody_reads_it() -> None:
    """A heartbeat into a closed pipe ends the worker quietly, although its ears are open."""
    read_end, write_end = os.pipe()
    worker = await asyncio.create_subprocess_exec(
        *COMMAND, stdin=asyncio.subprocess.PIPE, stdout=write_end, stderr=asyncio.subprocess.PIPE
    )
    os.close(write_end)
    os.close(read_end)
    async with asyncio.timeout(30):
        assert worker.stderr
        assert await worker.stderr.read() == b""
        assert await worker.wait() == 0
    assert worker.stdin
    worker.stdin.close()


async def test_a_worker_does_not_outlive_a_killed_front() -> None:
    """The front is killed with -9 in the middle of a step of 60 s: the worker is gone long before the step is over."""
    front = await asyncio.create_subprocess_exec(sys.executable, "-c", FRONT, stdout=asyncio.subprocess.PIPE)
    assert front.stdout
    pid = 0
    async for line in front.stdout:
        if line.startswith(b"worker "):
            pid = int(line.split()[1])
            break
    assert is_alive(pid)
    os.kill(front.pid, signal.SIGKILL)
    await front.communicate()
    await until(lambda: not is_alive(pid), patience_s=30)
