"""Measure the shipped model on combinations it never saw: `python -m engine.pocket.evaluate`.

Prints Markdown tables and writes the figures as JSON. Loads the folder with the stock pipelines and no code of ours.
Knows nothing of training but the list of held-out combinations.
"""

import argparse
import json
import os
import platform
import time
from collections.abc import Sequence
from pathlib import Path
from random import Random
from typing import Any

import diffusers
import numpy as np
import torch
from diffusers import StableDiffusionImg2ImgPipeline, StableDiffusionPipeline
from PIL import Image

from engine.pocket import checkpoint
from engine.pocket.captions import Subject, plain_caption
from engine.pocket.export import WEIGHTS_FOLDER
from engine.pocket.judge import Verdict, judge
from engine.pocket.pictures import FIRST_SEED
from engine.pocket.scores import Score, score, table
from engine.pocket.world import HELD_OUT, PICTURE_PX, combination, draw, sample

# As a request to Darkroom without settings: DDIM, 20 steps, guidance 4.
STEPS, GUIDANCE = 20, 4.0
_SAMPLERS: dict[str, tuple[str, dict[str, Any]]] = {
    "DDIM": ("DDIMScheduler", {}),
    "PNDM": ("PNDMScheduler", {"skip_prk_steps": True}),
    "Euler": ("EulerDiscreteScheduler", {}),
    "Euler a": ("EulerAncestralDiscreteScheduler", {}),
    "DPM++ 2M": ("DPMSolverMultistepScheduler", {}),
    "UniPC": ("UniPCMultistepScheduler", {}),
    "DDPM": ("DDPMScheduler", {}),
}
_STEP_COUNTS = (8, 15, 30)
_BATCH = 16
_LEAK_CHECK = 20_000


def main() -> None:
    """Run the evaluation that the command line asks for."""
    options = _parse()
    torch.set_num_threads(options.threads)
    assert_no_leak(_LEAK_CHECK)
    subjects = held_out_subjects(options.count)
    pipeline = load(options.weights)
    started = time.monotonic()
    pictures = draw_all(pipeline, subjects)
    elapsed_s = time.monotonic() - started
    verdicts = [judge(picture) for picture in pictures]
    rows = {
        "judge on true pictures": score([judge(draw(s, Random(i))) for i, s in enumerate(subjects)], subjects),
        "pocket": score(verdicts, subjects),
        "chance (shuffled captions)": score(verdicts, shuffled(subjects)),
    }
    print(table("held-out combinations", rows))
    pace = f"{elapsed_s / len(subjects):.2f} s each"
    print(f"\n{len(subjects)} pictures, DDIM {STEPS} steps, guidance {GUIDANCE:g}: {pace}\n")
    print(table("by shape", by_shape(verdicts, subjects)))
    report: dict[str, Any] = {
        "hardware": hardware(),
        "count": len(subjects),
        "seconds_per_picture": round(elapsed_s / len(subjects), 3),
        "scores": {name: row.as_json() for name, row in rows.items()},
        "by_shape": {name: row.as_json() for name, row in by_shape(verdicts, subjects).items()},
    }
    options.out.mkdir(parents=True, exist_ok=True)
    contact_sheet(pictures[:96], 12).save(options.out / "held_out.png")
    if not options.quick:
        report |= _further(pipeline, subjects[: options.sampler_count])
    (options.out / "evaluation.json").write_text(json.dumps(report, indent=1) + "\n", encoding="utf-8")
    print(f"\nwritten to {options.out}; {hardware()}")


def assert_no_leak(count: int) -> None:
    """Check that none of the first `count` training pictures shows a held-out combination."""
    held_out = frozenset(HELD_OUT)
    leaked = [seed for seed in range(FIRST_SEED, FIRST_SEED + count) if combination(sample(seed).subject) in held_out]
    assert not leaked, f"seeds {leaked[:5]} show held-out combinations"


def held_out_subjects(count: int) -> list[Subject]:
    """Return the first `count` held-out combinations, at the usual size."""
    return [Subject(shape=shape, colour=colour, background=behind) for shape, colour, behind in HELD_OUT[:count]]


def shuffled(subjects: Sequence[Subject]) -> list[Subject]:
    """Return the same subjects in a seeded random order: what a model that ignores its prompt would score against."""
    mixed = list(subjects)
    Random(0).shuffle(mixed)
    return mixed


def load(folder: Path) -> Any:
    """Load the folder as anybody would, in float32, silent."""
    pipeline = StableDiffusionPipeline.from_pretrained(folder, dtype=torch.float32, local_files_only=True)
    pipeline.set_progress_bar_config(disable=True)
    return pipeline


def draw_all(
    pipeline: Any, subjects: Sequence[Subject], *, steps: int = STEPS, guidance: float = GUIDANCE, negative: str = ""
) -> list[Image.Image]:
    """Ask for each subject in plain words; picture i has seed i."""
    pictures: list[Image.Image] = []
    for start in range(0, len(subjects), _BATCH):
        prompts = [plain_caption(subject) for subject in subjects[start : start + _BATCH]]
        pictures += pipeline(
            prompts,
            negative_prompt=[negative] * len(prompts),
            num_inference_steps=steps,
            guidance_scale=guidance,
            generator=_generators(range(start, start + len(prompts))),
        ).images
    return pictures


def by_shape(verdicts: Sequence[Verdict], subjects: Sequence[Subject]) -> dict[str, Score]:
    """Return the scores of each shape's pictures alone."""
    rows = {}
    for shape in sorted({subject.shape for subject in subjects}):
        own = [(verdict, subject) for verdict, subject in zip(verdicts, subjects) if subject.shape == shape]
        rows[shape] = score([verdict for verdict, _ in own], [subject for _, subject in own])
    return rows


def _further(pipeline: Any, subjects: list[Subject]) -> dict[str, Any]:
    """Compare guidance scales, samplers and step counts, and look at img2img and negative prompts."""
    report: dict[str, Any] = {"further_count": len(subjects)}
    guidance = {
        f"{scale:g}": score([judge(p) for p in draw_all(pipeline, subjects, guidance=scale)], subjects)
        for scale in (2.0, 4.0, 7.5)
    }
    print("\n" + table(f"guidance (n={len(subjects)})", guidance))
    samplers = {}
    shipped = pipeline.scheduler
    for name, (class_name, settings) in _SAMPLERS.items():
        pipeline.scheduler = getattr(diffusers, class_name).from_config(shipped.config, **settings)
        for steps in _STEP_COUNTS:
            pictures = draw_all(pipeline, subjects, steps=steps)
            samplers[f"{name}, {steps} steps"] = score([judge(picture) for picture in pictures], subjects)
    pipeline.scheduler = shipped
    print("\n" + table(f"samplers (n={len(subjects)}, guidance {GUIDANCE:g})", samplers))
    report["guidance"] = {name: row.as_json() for name, row in guidance.items()}
    report["samplers"] = {name: row.as_json() for name, row in samplers.items()}
    report["img2img"] = _img2img(pipeline, subjects)
    report["negative_prompt"] = _negative_prompt(pipeline)
    return report


def _img2img(pipeline: Any, subjects: list[Subject]) -> dict[str, float]:
    """Redraw true pictures under another prompt; a low strength should keep them, a high one follow the prompt."""
    redraw = StableDiffusionImg2ImgPipeline(**pipeline.components, requires_safety_checker=False)
    redraw.set_progress_bar_config(disable=True)
    firsts = [draw(subject, Random(index)) for index, subject in enumerate(subjects)]
    wanted = shuffled(subjects)
    changes = {}
    print("\n| img2img strength | mean change (of 255) | follows new prompt: background | colour | shape |")
    print("|---|---|---|---|---|")
    for strength in (0.2, 0.5, 0.8):
        results = redraw(
            [plain_caption(subject) for subject in wanted],
            image=firsts,
            strength=strength,
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            generator=_generators(range(len(subjects))),
        ).images
        change = np.mean([np.abs(np.asarray(a, float) - np.asarray(b, float)).mean() for a, b in zip(firsts, results)])
        changes[f"{strength:g}"] = round(float(change), 1)
        row = score([judge(picture) for picture in results], wanted)
        print(f"| {strength:g} | {change:.1f} | {row.background:.0%} | {row.colour:.0%} | {row.shape:.0%} |")
    return changes


def _negative_prompt(pipeline: Any) -> dict[str, float]:
    """Count blue backgrounds of "a yellow star", which names none, with and without a negative prompt against blue."""
    shares = {}
    for negative in ("", "blue background"):
        prompts = ["a yellow star"] * _BATCH
        pictures = pipeline(
            prompts,
            negative_prompt=[negative] * _BATCH,
            num_inference_steps=STEPS,
            guidance_scale=GUIDANCE,
            generator=_generators(range(_BATCH)),
        ).images
        seen = [judge(picture).background for picture in pictures]
        shares[negative or "(none)"] = seen.count("blue") / _BATCH
        print(f'\n"a yellow star", negative "{negative}": backgrounds {", ".join(seen)}')
    return shares


def _generators(seeds: range) -> list[torch.Generator]:
    return [torch.Generator().manual_seed(seed) for seed in seeds]


def contact_sheet(pictures: Sequence[Image.Image], columns: int) -> Image.Image:
    """Lay the pictures out in rows with a thin dark gap."""
    pitch = PICTURE_PX + 2
    sheet = Image.new("RGB", (columns * pitch, -(-len(pictures) // columns) * pitch), (60, 60, 60))
    for place, picture in enumerate(pictures):
        sheet.paste(picture, (place % columns * pitch, place // columns * pitch))
    return sheet


def hardware() -> str:
    """Name the machine that the figures were taken on."""
    model = platform.processor() or platform.machine()
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    model = next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), model)
    return f"{torch.get_num_threads()} threads of {model}, torch {torch.__version__}"


def _parse() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m engine.pocket.evaluate", description=__doc__)
    parser.add_argument("--weights", type=Path, default=WEIGHTS_FOLDER)
    parser.add_argument("--count", type=int, default=192, help="held-out combinations for the main table")
    parser.add_argument("--sampler-count", type=int, default=24, help="of them, for every sampler and step count")
    parser.add_argument("--quick", action="store_true", help="the main table only")
    parser.add_argument("--threads", type=int, default=os.cpu_count() or 1)
    parser.add_argument("--out", type=Path, default=checkpoint.folder() / "evaluation")
    return parser.parse_args()


if __name__ == "__main__":
    main()
