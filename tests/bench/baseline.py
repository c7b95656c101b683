"""`python -m tests.bench.baseline`: the stock diffusers pipeline in a process of its own, timed by request.

Reads one JSON request a line on standard input, `{"model": …, "recipes": [[…], …]}`: each inner list is one call of the
pipeline, one recipe or a static batch. Answers `{"seconds": …}` a line. Same threads, same torch, same process settings
as the worker it is compared with.
"""

import json
import os
import sys
import time
from typing import Any

os.environ.setdefault("GOMP_SPINCOUNT", "2000")  # as engine.worker sets it, before torch reads it

import diffusers
import msgspec
import torch

from engine import catalog
from engine.domain import Recipe
from engine.worker import solver

_pipelines: dict[str, Any] = {}


def pipeline_of(model: str) -> Any:
    """The pipeline as a user of diffusers gets it, loaded once."""
    if model not in _pipelines:
        pipeline = diffusers.StableDiffusionPipeline.from_pretrained(
            catalog.find(model).source, dtype=torch.float32, safety_checker=None
        )
        pipeline.set_progress_bar_config(disable=True)
        _pipelines[model] = pipeline
    return _pipelines[model]


def draw(model: str, recipes: list[Recipe]) -> None:
    """One call: all of `recipes` must share steps, guidance, sampler and size."""
    pipeline, first = pipeline_of(model), recipes[0]
    pipeline.scheduler = solver.make_scheduler(first.sampler, pipeline.scheduler.config)
    pipeline(
        [recipe.prompt for recipe in recipes],
        negative_prompt=[recipe.negative for recipe in recipes],
        num_inference_steps=first.steps,
        guidance_scale=first.guidance,
        width=first.width_px,
        height=first.height_px,
        generator=[torch.Generator().manual_seed(recipe.seed) for recipe in recipes],
    )


def main() -> None:
    """Answer until the input ends."""
    diffusers.logging.set_verbosity_error()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the libraries print is no answer
    for line in sys.stdin:
        request = json.loads(line)
        calls = msgspec.convert(request["calls"], list[list[Recipe]])
        started = time.perf_counter()
        for recipes in calls:
            draw(request["model"], recipes)
        answers.write(json.dumps({"seconds": time.perf_counter() - started}) + "\n")
        answers.flush()


if __name__ == "__main__":
    main()
