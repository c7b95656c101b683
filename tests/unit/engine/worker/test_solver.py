"""Samplers as tables, held against the diffusers schedulers they were read from."""

import pytest
import torch
from diffusers import DDIMScheduler

from engine.domain import Sampler
from engine.worker import solver

SHAPE = (1, 4, 4, 4)
BASE = {
    "beta_start": 0.00085,
    "beta_end": 0.012,
    "beta_schedule": "scaled_linear",
    "num_train_timesteps": 1000,
    "clip_sample": False,
    "steps_offset": 1,
}


def run_reference(sampler: Sampler, config: dict[str, object], n_steps: int, strength: float | None) -> torch.Tensor:
    """Run the scheduler itself with a stand-in model that depends on the sample and the timestep."""
    generator = torch.Generator().manual_seed(7)
    reference = solver.Reference(sampler, config, n_steps, strength)
    sample = torch.randn(SHAPE, generator=generator)
    for step in range(reference.n_steps):
        shown = reference.scale_input(sample, step)
        sample = reference.step(torch.tanh(shown + 0.001 * step), step, sample, generator)
    return sample


def run_plan(plan: solver.Plan) -> torch.Tensor:
    """The same run, by the table alone."""
    generator = torch.Generator().manual_seed(7)
    state = torch.zeros(1 + plan.n_memory, *SHAPE[1:])
    state[:1] = torch.randn(SHAPE, generator=generator)
    for step in range(plan.n_steps):
        output = torch.tanh(state[:1] * plan.input_scales[step] + 0.001 * step)
        noise = torch.randn(SHAPE, generator=generator) if plan.draws_noise[step] else torch.zeros(SHAPE)
        state = torch.einsum("rk,kchw->rchw", plan.weights[step], torch.cat([state, output, noise]))
    return state[:1]


@pytest.mark.parametrize("strength", [None, 0.6])
@pytest.mark.parametrize("n_steps", [1, 2, 3, 9, 30])
@pytest.mark.parametrize("prediction_type", ["epsilon", "v_prediction"])
@pytest.mark.parametrize("sampler", Sampler)
def test_a_plan_draws_what_the_scheduler_draws(
    sampler: Sampler, prediction_type: str, n_steps: int, strength: float | None
) -> None:
    """For every sampler, prediction type, step count and start, table and scheduler agree, noise included."""
    if strength is not None and int(n_steps * strength) == 0:
        n_steps += 1  # a start that leaves no step is refused before it comes here
    config = BASE | {"prediction_type": prediction_type}
    plan = solver.probe(sampler, config, n_steps, strength)
    assert plan is not None
    wanted = run_reference(sampler, config, n_steps, strength)
    torch.testing.assert_close(run_plan(plan), wanted, rtol=2e-4, atol=2e-4 * float(wanted.abs().max()))


@pytest.mark.parametrize("clipping", [{"clip_sample": True}, {"thresholding": True}])
def test_a_sampler_that_clips_has_no_plan(clipping: dict[str, object]) -> None:
    """Clipping is not linear, so no table may pretend to be it."""
    assert solver.probe(Sampler.DDIM, BASE | clipping, 10, None) is None


def test_probing_leaves_the_scheduler_class_as_it_was() -> None:
    """The random numbers of diffusers are its own again after a probe."""
    import diffusers.schedulers.scheduling_ddpm as module

    before = module.randn_tensor
    solver.probe(Sampler.DDPM, BASE, 5, None)
    assert module.randn_tensor is before


def test_memory_is_only_what_is_read_later() -> None:
    """DDIM remembers nothing, DPM++ 2M one output, PLMS four and a saved sample."""
    sizes = {}
    for sampler in (Sampler.DDIM, Sampler.DPMPP_2M, Sampler.PLMS):
        plan = solver.probe(sampler, BASE, 20, None)
        assert plan is not None
        sizes[sampler] = plan.n_memory
    assert sizes == {Sampler.DDIM: 0, Sampler.DPMPP_2M: 1, Sampler.PLMS: 5}


def test_the_scheduler_is_made_from_the_models_own_noise_schedule() -> None:
    """A sampler keeps the betas and the prediction type of the model it is used on."""
    scheduler = solver.make_scheduler(
        Sampler.EULER, DDIMScheduler(beta_end=0.03, prediction_type="v_prediction").config
    )
    assert scheduler.config.beta_end == pytest.approx(0.03)
    assert scheduler.config.prediction_type == "v_prediction"
