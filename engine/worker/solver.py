"""A sampler as a table of coefficients, probed from the diffusers scheduler. Knows nothing of models or batches.

Nearly every sampler is linear: the next sample and whatever the scheduler remembers are sums of (sample, memory, model
output, noise) with weights that depend only on the step. `probe` reads those weights from the real scheduler, by
running it in float64 on unit vectors; a whole batch of different samplers is then one matrix product. The scheduler
stays the single source of truth: a plan is checked against it on random input, and where it is not linear
(thresholding, clip_sample) there is no plan and `Reference` calls `scheduler.step` itself. `Reference` is also what
exact mode uses.

Source of the samplers: diffusers 0.42, `diffusers/schedulers`.
"""

import inspect
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

import diffusers
import torch

from engine.domain import Sampler

_SCHEDULERS: dict[Sampler, tuple[str, dict[str, Any]]] = {
    Sampler.DDIM: ("DDIMScheduler", {}),
    Sampler.PLMS: ("PNDMScheduler", {"skip_prk_steps": True}),
    Sampler.EULER: ("EulerDiscreteScheduler", {}),
    Sampler.EULER_A: ("EulerAncestralDiscreteScheduler", {}),
    Sampler.DPMPP_2M: ("DPMSolverMultistepScheduler", {"algorithm_type": "dpmsolver++", "solver_order": 2}),
    Sampler.UNIPC: ("UniPCMultistepScheduler", {}),
    Sampler.DDPM: ("DDPMScheduler", {}),
    Sampler.LCM: ("LCMScheduler", {}),
}
# A plan may differ from the scheduler by float32 rounding of the sigma tables, nothing more.
_TOLERANCE = 2e-4
_CHECK_SHAPE = (1, 1, 2, 3)

Slot = tuple[str, int | None]  # where a scheduler keeps a tensor: attribute, and index if it is a list


def make_scheduler(sampler: Sampler, base_config: Mapping[str, Any]) -> Any:
    """A fresh diffusers scheduler for `sampler` on the model's own noise schedule."""
    name, overrides = _SCHEDULERS[sampler]
    return getattr(diffusers, name).from_config(dict(base_config), **overrides)


def set_steps(scheduler: Any, n_steps: int, strength: float | None) -> torch.Tensor:
    """Prepare `scheduler` as the diffusers pipelines do; return the timesteps to run, on the CPU.

    With `strength` the first part of the schedule is skipped (StableDiffusionImg2ImgPipeline.get_timesteps).
    """
    scheduler.set_timesteps(n_steps, device="cpu")
    timesteps: torch.Tensor = scheduler.timesteps
    if strength is not None:
        n_kept = min(int(n_steps * strength), n_steps)
        begin = max(n_steps - n_kept, 0) * scheduler.order
        timesteps = timesteps[begin:]
        if hasattr(scheduler, "set_begin_index"):
            scheduler.set_begin_index(begin)
    return timesteps


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """The whole run of one sampler, T steps with M remembered tensors.

    input_scales: factor on the sample before the UNet sees it, by step.
    weights: (T, 1 + M, 3 + M) float32; rows: next sample, next memory; columns: sample, memory, model output, noise.
    draws_noise: whether the scheduler draws noise in step t (also where it then weighs nothing, so that a request's
        generator is spent exactly as `scheduler.step` spends it).
    """

    input_scales: tuple[float, ...]
    weights: torch.Tensor
    draws_noise: tuple[bool, ...]

    @property
    def n_steps(self) -> int:
        """Model evaluations in the run."""
        return len(self.draws_noise)

    @property
    def n_memory(self) -> int:
        """Tensors remembered between steps."""
        return self.weights.shape[1] - 1


class Reference:
    """One picture's own scheduler, stepped as the pipelines step it."""

    def __init__(self, sampler: Sampler, base_config: Mapping[str, Any], n_steps: int, strength: float | None) -> None:
        self.scheduler = make_scheduler(sampler, base_config)
        self.timesteps = set_steps(self.scheduler, n_steps, strength)
        self._extra = _extra_parameters(self.scheduler)

    @property
    def n_steps(self) -> int:
        """Model evaluations in the run."""
        return len(self.timesteps)

    def scale_input(self, latents: torch.Tensor, step: int) -> torch.Tensor:
        """What the UNet is shown at `step`."""
        scaled: torch.Tensor = self.scheduler.scale_model_input(latents, self.timesteps[step])
        return scaled

    def step(self, output: torch.Tensor, step: int, latents: torch.Tensor, generator: torch.Generator) -> torch.Tensor:
        """The next sample, as StableDiffusionPipeline computes it (`prepare_extra_step_kwargs` with eta 0)."""
        values = {"eta": 0.0, "generator": generator}
        extra = {name: values[name] for name in self._extra}
        following: torch.Tensor = self.scheduler.step(
            output, self.timesteps[step], latents, **extra, return_dict=False
        )[0]
        return following


def _extra_parameters(scheduler: Any) -> tuple[str, ...]:
    """What the pipelines hand to this scheduler's `step` beside the usual (`prepare_extra_step_kwargs`)."""
    accepted = inspect.signature(scheduler.step).parameters
    return tuple(name for name in ("eta", "generator") if name in accepted)


def probe(sampler: Sampler, base_config: Mapping[str, Any], n_steps: int, strength: float | None) -> Plan | None:
    """Read a sampler's coefficients from its scheduler; None if it is not linear."""
    scheduler = make_scheduler(sampler, base_config)
    timesteps = set_steps(scheduler, n_steps, strength)
    if getattr(scheduler.config, "thresholding", False):
        return None
    steps = [_probe_step(scheduler, timestep) for timestep in timesteps]
    plan = _assemble(steps)
    return plan if _agrees(plan, sampler, base_config, n_steps, strength) else None


@dataclass(frozen=True, slots=True, kw_only=True)
class _Step:
    """One probed step: for the sample (None) and each slot written, its weights by source."""

    input_scale: float
    read: tuple[Slot, ...]
    written: dict[Slot | None, torch.Tensor]  # weights over (sample, *read, output, noise), float64
    draws_noise: bool


def _probe_step(scheduler: Any, timestep: torch.Tensor) -> _Step:
    """Run one step on unit vectors; what comes out are the weights. Leaves the scheduler ready for the next step."""
    read = tuple(_slots(scheduler))
    unit = torch.eye(len(read) + 3, dtype=torch.float64)[:, None, None, None]  # one (1, 1, 1, n) vector each
    for slot, vector in zip(read, unit[1:-2], strict=True):
        _write(scheduler, slot, vector)
    input_scale = float(scheduler.scale_model_input(torch.ones(1, dtype=torch.float64), timestep)[0])
    with _noise_is(scheduler, unit[-1]) as drawn:
        following = scheduler.step(unit[-2], timestep, unit[0], return_dict=False)[0]
    written: dict[Slot | None, torch.Tensor] = {None: following.flatten().double()}
    written |= {slot: _read(scheduler, slot).flatten().double() for slot in _slots(scheduler)}
    return _Step(input_scale=input_scale, read=read, written=written, draws_noise=bool(drawn))


def _assemble(steps: list[_Step]) -> Plan:
    """Lay the steps out as one table, keeping only memory that some later step really reads."""
    used = {
        slot
        for step in steps
        for column, slot in enumerate(step.read, start=1)
        if any(weights[column] != 0 for weights in _live(step))
    }
    order = {slot: row for row, slot in enumerate(sorted(used, key=str), start=1)}
    n_rows = 1 + len(order)
    table = torch.zeros(len(steps), n_rows, n_rows + 2, dtype=torch.float64)
    for matrix, step in zip(table, steps, strict=True):
        columns = {0: 0, len(step.read) + 1: n_rows, len(step.read) + 2: n_rows + 1}
        columns |= {column: order[slot] for column, slot in enumerate(step.read, start=1) if slot in order}
        for target, weights in step.written.items():
            if target is None or target in order:
                row = 0 if target is None else order[target]
                for source, column in columns.items():
                    matrix[row, column] = weights[source]
    return Plan(
        input_scales=tuple(step.input_scale for step in steps),
        weights=table.float(),
        draws_noise=tuple(step.draws_noise for step in steps),
    )


def _live(step: _Step) -> Iterator[torch.Tensor]:
    """The results of a step that matter: the sample, and every memory but the slot's own copy of itself."""
    for target, weights in step.written.items():
        if target is None:
            yield weights
            continue
        own = weights.clone()
        for column, slot in enumerate(step.read, start=1):
            if slot == target:
                own[column] = 0
        yield own


def _agrees(plan: Plan, sampler: Sampler, base_config: Mapping[str, Any], n_steps: int, strength: float | None) -> bool:
    """Whether the plan follows the real scheduler on random input, large enough that any clipping would show."""
    generator = torch.Generator().manual_seed(0)

    def random() -> torch.Tensor:
        return 3 * torch.randn(_CHECK_SHAPE, generator=generator, dtype=torch.float64)

    scheduler = make_scheduler(sampler, base_config)
    timesteps = set_steps(scheduler, n_steps, strength)
    state = torch.zeros(1 + plan.n_memory, *_CHECK_SHAPE, dtype=torch.float64)
    state[0] = sample = random()
    for step, timestep in enumerate(timesteps):
        output, noise = random(), random()
        scheduler.scale_model_input(sample, timestep)
        with _noise_is(scheduler, noise):
            sample = scheduler.step(output, timestep, sample, return_dict=False)[0].double()
        values = torch.cat([state, output[None], noise[None]])
        state = torch.einsum("rk,k...->r...", plan.weights[step].double(), values)
        if not torch.allclose(state[0], sample, rtol=_TOLERANCE, atol=_TOLERANCE * float(sample.abs().max())):
            return False
    return True


def _slots(scheduler: Any) -> Iterator[Slot]:
    """Where the scheduler now remembers something sample-shaped."""
    for name, value in sorted(vars(scheduler).items()):
        if _is_sample(value):
            yield name, None
        elif isinstance(value, list):
            yield from ((name, i) for i, item in enumerate(value) if _is_sample(item))


def _is_sample(value: object) -> bool:
    return isinstance(value, torch.Tensor) and value.ndim == len(_CHECK_SHAPE)


def _read(scheduler: Any, slot: Slot) -> torch.Tensor:
    name, index = slot
    value = getattr(scheduler, name)
    tensor: torch.Tensor = value if index is None else value[index]
    return tensor


def _write(scheduler: Any, slot: Slot, tensor: torch.Tensor) -> None:
    name, index = slot
    if index is None:
        setattr(scheduler, name, tensor)
    else:
        values = list(getattr(scheduler, name))
        values[index] = tensor
        setattr(scheduler, name, values)


@contextmanager
def _noise_is(scheduler: Any, noise: torch.Tensor) -> Iterator[list[bool]]:
    """Let the scheduler draw `noise` instead of random numbers; the list gets an entry for each draw.

    Schedulers import `randn_tensor` by name, so their module's own name is replaced, for one step, on one thread.
    """
    module = sys.modules[type(scheduler).__module__]
    drawn: list[bool] = []

    def draw(*_args: object, **_kwargs: object) -> torch.Tensor:
        drawn.append(True)
        return noise

    original = getattr(module, "randn_tensor", None)
    if original is None:
        yield drawn
        return
    module.randn_tensor = draw  # type: ignore[attr-defined]  # a module's attribute, put back below
    try:
        yield drawn
    finally:
        module.randn_tensor = original  # type: ignore[attr-defined]
