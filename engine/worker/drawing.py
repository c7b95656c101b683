"""A picture in the making, and how it is set up for its first step. Knows nothing of batches, jobs, owners or pipes."""

from collections import OrderedDict
from dataclasses import dataclass, field
from typing import Any

import torch

from engine.domain import Mode, Recipe
from engine.worker import preview, solver
from engine.worker.models import Model
from engine.worker.text import TextCache

MAX_PLANS = 128  # a plan of 50 steps is about 10 KiB


@dataclass(slots=True, kw_only=True, eq=False)
class Drawing:
    """One picture in the making.

    state: the latents and what the sampler remembers, (1 + M, C, h, w) float32; with a `reference` instead of a plan
        the latents alone, (1, C, h, w) in the model's dtype.
    embeddings: without (if it has two rows) and with the prompt.
    generator: this picture's own, on the CPU; all its random numbers come from it, in the pipelines' order.
    output, shown: what the model said last, after guidance, and of what; (C, h, w), for previews.
    """

    model: Model
    recipe: Recipe
    generator: torch.Generator
    embeddings: tuple[torch.Tensor, ...]
    guidance_embedding: torch.Tensor | None
    plan: solver.Plan | None
    reference: solver.Reference | None
    timesteps: tuple[float, ...]
    state: torch.Tensor
    step: int = 0
    output: torch.Tensor | None = field(default=None, repr=False)
    shown: torch.Tensor | None = field(default=None, repr=False)

    @property
    def n_steps(self) -> int:
        """Model evaluations in the whole run."""
        return len(self.timesteps)

    @property
    def n_rows(self) -> int:
        """Rows in the forward pass."""
        return len(self.embeddings)

    @property
    def is_finished(self) -> bool:
        """Whether the last step has run."""
        return self.step >= self.n_steps

    @property
    def latents(self) -> torch.Tensor:
        """The present sample, (1, C, h, w)."""
        return self.state[:1]

    def developing(self) -> torch.Tensor | None:
        """What to show of it now: latents (C, h, w), from the noise it began with to the guess of what it will be.

        None before the first step. The guess alone would look finished too soon: it knows the composition after a
        tenth of the steps. What the UNet saw fades out with the cube of the steps that are left.
        """
        if self.output is None or self.shown is None:
            return None
        timestep = round(self.timesteps[self.step - 1])
        signal = float(self.model.alphas_cumprod[min(max(timestep, 0), len(self.model.alphas_cumprod) - 1)])
        guess = preview.clean_estimate(self.shown.float(), self.output.float(), signal, self.model.prediction_type)
        return torch.lerp(guess, self.shown.float(), (1 - self.step / self.n_steps) ** 3)


class Easel:
    """Sets pictures up. Remembers text embeddings and sampler plans."""

    def __init__(self) -> None:
        self.texts = TextCache()
        self._plans: OrderedDict[tuple[object, ...], solver.Plan | None] = OrderedDict()

    @torch.inference_mode()
    def set_up(self, model: Model, recipe: Recipe, source: Any | None) -> Drawing:
        """A picture ready for its first step, its random numbers drawn in the order of the diffusers pipelines.

        source: the posterior from `vae.encode`, for image to image.
        """
        generator = torch.Generator("cpu").manual_seed(recipe.seed)
        strength = recipe.source.strength if recipe.source else None
        plan = None if recipe.mode is Mode.EXACT else self._plan(model, recipe, strength)
        start = solver.Reference(recipe.sampler, model.scheduler_config, recipe.steps, strength)
        is_guided = recipe.guidance > 1 and model.guidance_embedding_dim is None
        texts = (recipe.negative, recipe.prompt) if is_guided else (recipe.prompt,)
        embeddings = tuple(self.texts.encode(model, text) for text in texts)
        latents = _first_latents(model, recipe, start, source, generator, embeddings[0].dtype)
        state = latents
        if plan is not None:
            state = torch.zeros(1 + plan.n_memory, *latents.shape[1:], dtype=torch.float32, device=latents.device)
            state[0] = latents[0]
        return Drawing(
            model=model,
            recipe=recipe,
            generator=generator,
            embeddings=embeddings,
            guidance_embedding=_guidance_embedding(model, recipe, embeddings[0].dtype),
            plan=plan,
            reference=start if plan is None else None,
            timesteps=tuple(start.timesteps.tolist()),
            state=state,
        )

    def clear(self) -> None:
        """Forget what lies on the device."""
        self.texts.clear()

    def forget(self, model: str) -> None:
        """Forget what was made with a model that is loaded anew: its files may have changed."""
        self.texts.forget(model)
        for key in [key for key in self._plans if key[0] == model]:
            del self._plans[key]

    def _plan(self, model: Model, recipe: Recipe, strength: float | None) -> solver.Plan | None:
        key = (model.entry.name, recipe.sampler, recipe.steps, strength and int(recipe.steps * strength))
        if key not in self._plans:
            self._plans[key] = solver.probe(recipe.sampler, model.scheduler_config, recipe.steps, strength)
            if len(self._plans) > MAX_PLANS:
                self._plans.popitem(last=False)
        return self._plans[key]


def _first_latents(
    model: Model,
    recipe: Recipe,
    start: solver.Reference,
    source: Any | None,
    generator: torch.Generator,
    dtype: torch.dtype,
) -> torch.Tensor:
    """Where the first step begins: pure noise, or the noised source (`prepare_latents` of the two pipelines)."""
    device = model.device.device
    shape = (
        1,
        model.latent_channels,
        recipe.height_px // model.latent_factor,
        recipe.width_px // model.latent_factor,
    )
    if source is None:
        noise = torch.randn(shape, generator=generator, dtype=dtype).to(device)
        scaled: torch.Tensor = noise * start.scheduler.init_noise_sigma
        return scaled
    clean = model.pipeline.vae.config.scaling_factor * source.sample(generator)
    noise = torch.randn(shape, generator=generator, dtype=dtype).to(device)
    noised: torch.Tensor = start.scheduler.add_noise(clean, noise, start.timesteps[:1])
    return noised


def _guidance_embedding(model: Model, recipe: Recipe, dtype: torch.dtype) -> torch.Tensor | None:
    """The guidance as an input, for models distilled to take it so; (1, width)."""
    if model.guidance_embedding_dim is None:
        return None
    embedding: torch.Tensor = model.pipeline.get_guidance_scale_embedding(
        torch.tensor([recipe.guidance - 1]), embedding_dim=model.guidance_embedding_dim
    )
    return embedding.to(model.device.device, dtype)
