"""One forward pass for several pictures, and what it makes of each.

Rows are the unit of the batch: a picture brings one row without its prompt and one with it, or only the latter where
guidance does nothing. Timesteps, prompts, samplers, guidance and seeds differ from row to row. Knows nothing of jobs,
owners or pipes; who runs together is decided in `batch.py`.
"""

import copy
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from itertools import groupby

import torch

from engine.domain import Mode
from engine.worker.drawing import Drawing
from engine.worker.models import Model


@dataclass(frozen=True, slots=True, kw_only=True)
class _Pack:
    """What stays the same from tick to tick while the same pictures share it.

    embeddings: (rows, tokens, width), rows without a prompt first. guided: picture of each of those rows, (G,).
    guidance: their scales, (G, 1, 1, 1). rows: picture of every row.
    """

    embeddings: torch.Tensor
    guided: torch.Tensor
    guidance: torch.Tensor
    rows: torch.Tensor
    guidance_embeddings: torch.Tensor | None
    n_guided: int
    n_padding: int


class Stepper:
    """Runs forward passes. Keeps the latest pack, so that an unchanged crowd costs no copying."""

    def __init__(self) -> None:
        self._packed: tuple[tuple[int, ...], list[Drawing], _Pack] | None = None

    def forget(self, drawings: Iterable[Drawing] | None = None) -> None:
        """Drop what is kept on the device: all of it, or what belongs to pictures that have left."""
        if drawings is None or (self._packed and any(drawing in self._packed[1] for drawing in drawings)):
            self._packed = None

    @torch.inference_mode()
    def step(self, drawings: Sequence[Drawing], pad_to_rows: int | None) -> None:
        """Advance each picture by one step; all of one model, latent size and context length.

        On any exception no picture has changed, so the step can be run again in smaller parts.
        """
        model = drawings[0].model
        if drawings[0].recipe.mode is Mode.EXACT:
            assert len(drawings) == 1, "an exact picture runs alone"
            _reference_step(drawings[0])
            return
        pack = self._pack(drawings, pad_to_rows)
        timesteps = torch.tensor([drawing.timesteps[drawing.step] for drawing in drawings], device=model.device.device)
        shown = _shown(drawings)
        output = _evaluate(model, pack, shown, timesteps)
        with _generators_kept(drawings):
            following = _update(drawings, output, is_lone=pad_to_rows is not None)
        for i, (drawing, state) in enumerate(zip(drawings, following, strict=True)):
            drawing.state, drawing.output, drawing.shown = state, output[i], shown[i]
            drawing.step += 1

    def _pack(self, drawings: Sequence[Drawing], pad_to_rows: int | None) -> _Pack:
        key = (*map(id, drawings), pad_to_rows or 0)
        if self._packed is None or self._packed[0] != key:
            # The drawings are kept beside their ids, so that an id cannot come back as another drawing.
            self._packed = (key, list(drawings), _make_pack(drawings, pad_to_rows))
        return self._packed[2]


@contextmanager
def _generators_kept(drawings: Sequence[Drawing]) -> Iterator[None]:
    """Put random numbers and schedulers of a step that failed back, so that running it again draws the same picture."""
    spent = [drawing for drawing in drawings if _draws_noise(drawing) or drawing.reference is not None]
    kept = [(drawing, drawing.generator.get_state(), copy.deepcopy(drawing.reference)) for drawing in spent]
    try:
        yield
    except BaseException:
        for drawing, state, reference in kept:
            drawing.generator.set_state(state)
            drawing.reference = reference
        raise


def _make_pack(drawings: Sequence[Drawing], pad_to_rows: int | None) -> _Pack:
    device = drawings[0].model.device.device
    guided = [i for i, drawing in enumerate(drawings) if drawing.n_rows == 2]
    rows = guided + list(range(len(drawings)))
    embeddings = [drawings[i].embeddings[0] for i in guided] + [drawing.embeddings[-1] for drawing in drawings]
    n_padding = max(0, (pad_to_rows or 0) - len(rows))
    rows += [0] * n_padding
    embeddings += embeddings[:1] * n_padding
    extra = [drawing.guidance_embedding for drawing in drawings if drawing.guidance_embedding is not None]
    return _Pack(
        embeddings=torch.cat(embeddings),
        guided=torch.tensor(guided, device=device, dtype=torch.long),
        guidance=torch.tensor([drawings[i].recipe.guidance for i in guided], device=device)[:, None, None, None],
        rows=torch.tensor(rows, device=device, dtype=torch.long),
        guidance_embeddings=torch.cat([extra[i] for i in rows]) if extra else None,
        n_guided=len(guided),
        n_padding=n_padding,
    )


def _shown(drawings: Sequence[Drawing]) -> torch.Tensor:
    """What the UNet is shown of each picture, (B, C, h, w), float32."""
    latents = torch.cat([drawing.latents for drawing in drawings])
    scales = [drawing.plan.input_scales[drawing.step] if drawing.plan is not None else 1.0 for drawing in drawings]
    if any(scale != 1.0 for scale in scales):
        latents = latents * torch.tensor(scales, device=latents.device)[:, None, None, None]
    for i, drawing in enumerate(drawings):
        if drawing.reference is not None:
            latents[i : i + 1] = drawing.reference.scale_input(drawing.latents, drawing.step)
    return latents


def _evaluate(model: Model, pack: _Pack, shown: torch.Tensor, timesteps: torch.Tensor) -> torch.Tensor:
    """One forward pass and guidance: what the model says of each picture, (B, C, h, w)."""
    raw = model.pipeline.unet(
        shown[pack.rows].to(model.device.dtype),
        timesteps[pack.rows],
        encoder_hidden_states=pack.embeddings,
        timestep_cond=pack.guidance_embeddings,
        return_dict=False,
    )[0].float()
    end = len(raw) - pack.n_padding
    without, with_prompt = raw[: pack.n_guided], raw[pack.n_guided : end]
    if pack.n_guided == len(with_prompt):
        guided: torch.Tensor = without + pack.guidance * (with_prompt - without)
        return guided
    if pack.n_guided:
        with_prompt = with_prompt.clone()
        with_prompt[pack.guided] = without + pack.guidance * (with_prompt[pack.guided] - without)
    said: torch.Tensor = with_prompt
    return said


def _update(drawings: Sequence[Drawing], output: torch.Tensor, *, is_lone: bool) -> list[torch.Tensor]:
    """The next state of each picture. `is_lone`: computed one by one, so that neighbours cannot change a bit."""
    following: list[torch.Tensor] = [output] * len(drawings)
    planned = [(i, drawing) for i, drawing in enumerate(drawings) if drawing.plan is not None]
    planned.sort(key=lambda pair: _n_memory(pair[1]))
    for n_memory, group in groupby(planned, key=lambda pair: _n_memory(pair[1])):
        members = list(group)
        for part in [[member] for member in members] if is_lone else [members]:
            values = _solve([drawing for _, drawing in part], output[[i for i, _ in part]], n_memory)
            for (i, _), value in zip(part, values, strict=True):
                following[i] = value
    for i, drawing in enumerate(drawings):
        if drawing.reference is not None:
            following[i] = drawing.reference.step(
                output[i : i + 1].to(drawing.state.dtype), drawing.step, drawing.latents, drawing.generator
            )
    return following


def _n_memory(drawing: Drawing) -> int:
    return drawing.plan.n_memory if drawing.plan is not None else 0


def _solve(drawings: Sequence[Drawing], output: torch.Tensor, n_memory: int) -> torch.Tensor:
    """All samplers with the same amount of memory in one matrix product: (B, 1 + M, C, h, w)."""
    device = output.device
    weights = torch.stack([drawing.plan.weights[drawing.step] for drawing in drawings if drawing.plan is not None])
    values = [torch.stack([drawing.state for drawing in drawings]), output[:, None]]
    if any(map(_draws_noise, drawings)):
        values.append(torch.stack([_noise(drawing) for drawing in drawings])[:, None].to(device))
    else:
        weights = weights[:, :, :-1]
    flat = torch.cat(values, dim=1).flatten(2)
    following = torch.bmm(weights.to(device), flat)
    return following.reshape(len(drawings), 1 + n_memory, *output.shape[1:])


def _noise(drawing: Drawing) -> torch.Tensor:
    """Fresh noise (C, h, w) from the picture's own generator, or zeros where its sampler draws none now."""
    shape = drawing.state.shape[1:]
    if not _draws_noise(drawing):
        return torch.zeros(shape)
    # In the model's own dtype, as the schedulers draw it: another dtype would be other numbers from the same seed.
    return torch.randn(shape, generator=drawing.generator, dtype=drawing.embeddings[0].dtype).float()


def _draws_noise(drawing: Drawing) -> bool:
    return drawing.plan is not None and drawing.plan.draws_noise[drawing.step]


def _reference_step(drawing: Drawing) -> None:
    """One step of one picture, operation by operation as StableDiffusionPipeline.__call__ does it."""
    reference, latents, step = drawing.reference, drawing.state, drawing.step
    assert reference is not None
    is_guided = drawing.n_rows == 2
    rows = torch.cat([latents] * 2) if is_guided else latents
    rows = reference.scale_input(rows, step)
    output = drawing.model.pipeline.unet(
        rows,
        reference.timesteps[step].to(latents.device),
        encoder_hidden_states=torch.cat(drawing.embeddings),
        timestep_cond=drawing.guidance_embedding,
        return_dict=False,
    )[0]
    if is_guided:
        without, with_prompt = output.chunk(2)
        output = without + drawing.recipe.guidance * (with_prompt - without)
    drawing.state = reference.step(output, step, latents, drawing.generator)
    drawing.output, drawing.shown = output[0], rows[-1]
    drawing.step += 1
