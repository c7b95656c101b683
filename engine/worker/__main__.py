"""`python -m engine.worker`: the child process that draws. Started by `engine.process`, not by hand.

The pipe is taken before torch is imported, so that nothing an import prints can reach it, and so that the heartbeat
already runs during the seconds an import takes.
"""

import argparse
import logging
import os
import sys
import warnings

from engine.worker.wall import Wall


def main() -> int:
    """Take the pipe, find the device, say Ready, serve until the pipe closes."""
    parser = argparse.ArgumentParser(prog="python -m engine.worker", description=__doc__)
    parser.add_argument("--device", default="auto")
    parser.add_argument("--idle-unload-s", type=float, default=0.0)
    options = parser.parse_args()
    wall = Wall.open()
    logging.basicConfig(stream=sys.stderr, level=logging.WARNING)
    os.environ.setdefault("HF_HUB_DISABLE_TELEMETRY", "1")
    # How long a thread that waits for the others spins before it sleeps. The default, nearly for ever, uses up its
    # share of a core that anything else wants and is then put aside in the middle of every barrier. Milliseconds per
    # step of pocket (2 rows), idle and beside one busy process: default 29, over 900; asleep at once 60,
    # 23; with this 22, 73.
    os.environ.setdefault("GOMP_SPINCOUNT", "2000")
    warnings.simplefilter("ignore")  # the libraries' deprecation notes are for whoever maintains us, in the tests
    return _serve(wall, options.device, options.idle_unload_s)


def _serve(wall: Wall, wanted: str, idle_unload_s: float) -> int:
    # Imported here: torch takes seconds, and the heartbeat must be running by then.
    import diffusers
    import torch
    import transformers

    from engine.errors import EngineError
    from engine.messages import PROTOCOL_VERSION, Ready
    from engine.worker.device import choose
    from engine.worker.loop import Loop

    diffusers.logging.set_verbosity_error()
    diffusers.logging.disable_progress_bar()
    transformers.logging.set_verbosity_error()
    transformers.logging.disable_progress_bar()
    try:
        device = choose(wanted)
    except EngineError as exc:
        print(exc, file=sys.stderr)
        return 2
    wall.send(
        Ready(
            protocol=PROTOCOL_VERSION,
            pid=os.getpid(),
            device=str(device.device),
            device_name=device.name,
            n_devices=device.n_devices,
            dtype=str(device.dtype).removeprefix("torch."),
            versions={
                "python": sys.version.split()[0],
                "torch": str(torch.__version__),  # a str subclass of its own, which the wire refuses
                "diffusers": diffusers.__version__,
                "transformers": transformers.__version__,
            },
        )
    )
    Loop(wall, device, idle_unload_s).run()
    return 0


if __name__ == "__main__":
    sys.exit(main())
