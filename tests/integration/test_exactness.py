"""Exact mode gives what the diffusers pipelines give, bit for bit, while others are being drawn beside it."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import diffusers
import numpy as np
import pytest
import torch
from PIL import Image

from engine import catalog
from engine.domain import Job, Mode, Raster, Recipe, Sampler, Source
from engine.messages import Drew
from engine.worker import solver
from engine.worker.device import choose
from tests.fakes import inline_worker

MODELS = ["pocket", "sd1", "sd2-v"]
N_STEPS = 7
STRENGTH = 0.6
SEED = 11


def source_raster(side_px: int) -> Raster:
    """A picture with something in it, the same every time."""
    rgb = np.random.default_rng(3).integers(0, 256, (side_px // 8, side_px // 8, 3), dtype=np.uint8)
    return Raster(width_px=side_px, height_px=side_px, rgb=rgb.repeat(8, 0).repeat(8, 1).tobytes())


def job(job_id: str, model: str, sampler: Sampler, mode: Mode, *, remix: bool, **changes: Any) -> Job:
    """Two pictures of a small recipe."""
    side_px = catalog.find(model).width_px
    raster = source_raster(side_px) if remix else None
    values: dict[str, Any] = {
        "prompt": "a red circle on a blue background",
        "negative": "green",
        "model": model,
        "seed": SEED,
        "steps": N_STEPS,
        "guidance": 5.0,
        "sampler": sampler,
        "width_px": side_px,
        "height_px": side_px,
        "mode": mode,
        "source": Source(sha256=raster.sha256(), strength=STRENGTH) if raster else None,
    }
    return Job(id=job_id, owner=job_id, recipe=Recipe(**(values | changes)), n_pictures=2, source=raster)


def diffusers_picture(recipe: Recipe, raster: Raster | None, dtype: torch.dtype = torch.float32) -> bytes:
    """What the stock pipeline draws for this recipe, as RGB bytes."""
    kind = diffusers.StableDiffusionImg2ImgPipeline if raster else diffusers.StableDiffusionPipeline
    pipeline = kind.from_pretrained(catalog.find(recipe.model).source, dtype=dtype, safety_checker=None)
    pipeline.set_progress_bar_config(disable=True)
    pipeline.scheduler = solver.make_scheduler(recipe.sampler, pipeline.scheduler.config)
    extra: dict[str, Any] = {"height": recipe.height_px, "width": recipe.width_px}
    if raster and recipe.source:
        size = (raster.width_px, raster.height_px)
        extra = {"image": Image.frombytes("RGB", size, raster.rgb), "strength": recipe.source.strength}
    (picture,) = pipeline(
        recipe.prompt,
        negative_prompt=recipe.negative,
        num_inference_steps=recipe.steps,
        guidance_scale=recipe.guidance,
        generator=torch.Generator().manual_seed(recipe.seed),
        **extra,
    ).images
    return bytes(picture.tobytes())


@pytest.mark.torch
@pytest.mark.parametrize("remix", [False, True], ids=["text-to-image", "image-to-image"])
@pytest.mark.parametrize("sampler", Sampler)
@pytest.mark.parametrize("model", MODELS)
def test_exact_mode_equals_diffusers_bit_for_bit(
    model: str, sampler: Sampler, remix: bool, model_folder: Callable[[str], str]
) -> None:
    """Each sampler, from words and from a picture, both pictures of the job, in the middle of a crowd."""
    exact = job("exact", model_folder(model), sampler, Mode.EXACT, remix=remix)
    beside = job("beside", model_folder(model), Sampler.EULER_A, Mode.FAST, remix=False)
    wall = inline_worker.run(
        exact, beside, (3, job("later", model_folder(model), Sampler.UNIPC, Mode.FAST, remix=True))
    )
    assert isinstance(wall.results["exact"], Drew), wall.results["exact"]
    for index, raster in wall.rasters["exact"].items():
        assert raster.rgb == diffusers_picture(exact.recipe_of(index), exact.source)
    first, second = wall.rasters["exact"].values()
    assert first.rgb != second.rgb  # another seed is another picture: the comparison compares something


@pytest.mark.torch
@pytest.mark.parametrize(
    "changes",
    [{"guidance": 1.0}, {"negative": ""}, {"prompt": ""}, {"steps": 1}, {"width_px": 72, "height_px": 104}],
    ids=str,
)
def test_exact_mode_equals_diffusers_at_the_edges(changes: dict[str, Any], model_folder: Callable[[str], str]) -> None:
    """Without guidance, without words, with a single step, and at a size the model was not made for."""
    exact = job("exact", model_folder("sd1"), Sampler.DPMPP_2M, Mode.EXACT, remix=False, **changes)
    wall = inline_worker.run(exact)
    assert wall.rasters["exact"][0].rgb == diffusers_picture(exact.recipe, None)


@pytest.mark.torch
@pytest.mark.parametrize("remix", [False, True], ids=["text-to-image", "image-to-image"])
@pytest.mark.parametrize("sampler", Sampler)
def test_half_precision_goes_the_same_way(sampler: Sampler, remix: bool, model_folder: Callable[[str], str]) -> None:
    """With 16-bit weights, as on a GPU, exact mode equals diffusers bit for bit and the other modes draw at all."""
    device = replace(choose("cpu"), dtype=torch.bfloat16)
    jobs = [job(mode, model_folder("sd1"), sampler, mode, remix=remix) for mode in Mode]
    wall = inline_worker.run(*jobs, device=device)
    assert {mode: type(result) for mode, result in wall.results.items()} == dict.fromkeys(Mode, Drew), wall.results
    exact = next(each for each in jobs if each.recipe.mode is Mode.EXACT)
    wanted = diffusers_picture(exact.recipe, exact.source, torch.bfloat16)
    assert wall.rasters[Mode.EXACT][0].rgb == wanted
    gap = np.frombuffer(wall.rasters[Mode.FAST][0].rgb, np.uint8).astype(int) - np.frombuffer(wanted, np.uint8)
    assert np.abs(gap).mean() < 8  # the state of fast mode is kept in float32: closer to the truth, not equal
