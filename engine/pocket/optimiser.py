"""One training loop for all of Pocket's networks: AdamW, warm-up and cosine decay, an averaged copy, exact resume.

Counts samples, never seconds, so a paused process loses nothing. Knows nothing of what is trained.
"""

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn

_GRADIENT_NORM_LIMIT = 1.0
_FLOOR = 0.03  # the share of the learning rate that is left at the end of the decay


@dataclass(frozen=True, slots=True, kw_only=True)
class Plan:
    """How long and how fast to train. `samples` may be changed on resume: the schedule is a share of it."""

    samples: int
    batch: int
    learning_rate: float
    decay_from: float  # share of `samples` at which the cosine decay begins
    averaging: float  # decay of the exponential moving average per step, once warm
    warmup_steps: int = 100
    seed: int = 1

    def learning_rate_at(self, step: int) -> float:
        """Return the learning rate of this step (from 0)."""
        done = min(1.0, step * self.batch / self.samples)
        warm = min(1.0, (step + 1) / self.warmup_steps)
        if done <= self.decay_from:
            return self.learning_rate * warm
        cosine = 0.5 * (1 + math.cos(math.pi * (done - self.decay_from) / (1 - self.decay_from)))
        return self.learning_rate * warm * (_FLOOR + (1 - _FLOOR) * cosine)


class Shuffle:
    """A fresh permutation of the data set per epoch, a function of seed and epoch alone: nothing to save."""

    def __init__(self, count: int, batch: int, seed: int) -> None:
        self._count = count
        self._batch = batch
        self._seed = seed
        self._epoch = -1
        self._order = torch.empty(0, dtype=torch.long)

    def rows(self, step: int) -> Tensor:
        """Return the rows of this step: (batch,), int64, on the CPU. An epoch's last, incomplete batch is left out."""
        per_epoch = self._count // self._batch
        epoch, place = divmod(step, per_epoch)
        if epoch != self._epoch:
            generator = torch.Generator().manual_seed(self._seed * 100_003 + epoch)
            self._order = torch.randperm(self._count, generator=generator)
            self._epoch = epoch
        return self._order[place * self._batch : (place + 1) * self._batch]


class Trainer:
    """Owns the optimiser, the averaged weights and the random state of one network's training."""

    def __init__(
        self,
        network: nn.Module,
        plan: Plan,
        loss: Callable[[int, torch.Generator], Tensor],
        fast: tuple[nn.Parameter, ...] = (),
    ) -> None:
        """`loss` maps (step, generator) to a scalar; `fast` parameters learn three times as fast."""
        self.network = network
        self.plan = plan
        self.step = 0
        self._loss = loss
        self._parameters = [p for p in network.parameters() if p.requires_grad]
        self._average = [p.detach().clone() for p in self._parameters]
        self._generator = torch.Generator().manual_seed(plan.seed)
        quick = {id(p) for p in fast}
        groups = [
            {"params": [p for p in self._parameters if id(p) not in quick], "pace": 1.0},
            {"params": list(fast), "pace": 3.0},
        ]
        self._optimiser = torch.optim.AdamW(
            [group for group in groups if group["params"]],
            lr=plan.learning_rate,
            betas=(0.9, 0.99),
            weight_decay=0.01,
            fused=True,
        )

    @property
    def seen(self) -> int:
        """How many samples have been trained on."""
        return self.step * self.plan.batch

    def is_done(self) -> bool:
        """Say whether the sample budget is spent."""
        return self.seen >= self.plan.samples

    def advance(self) -> float:
        """Do one optimiser step and return its loss."""
        for group in self._optimiser.param_groups:
            group["lr"] = self.plan.learning_rate_at(self.step) * group["pace"]
        loss = self._loss(self.step, self._generator)
        loss.backward()  # type: ignore[no-untyped-call]
        nn.utils.clip_grad_norm_(self._parameters, _GRADIENT_NORM_LIMIT)
        self._optimiser.step()
        self._optimiser.zero_grad()
        self.step += 1
        # The average follows quickly at first: after n steps it spans about n/9 of them.
        decay = min(self.plan.averaging, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            torch._foreach_lerp_(self._average, [p.detach() for p in self._parameters], 1 - decay)
        return float(loss.item())

    def averaged_weights(self) -> dict[str, Tensor]:
        """Return the network's state with the averaged parameters in place of the live ones; copies, on the CPU."""
        state = {name: tensor.detach().cpu().clone() for name, tensor in self.network.state_dict().items()}
        trained = (name for name, parameter in self.network.named_parameters() if parameter.requires_grad)
        for name, average in zip(trained, self._average, strict=True):
            state[name] = average.detach().cpu().clone()
        return state

    def state(self) -> dict[str, Any]:
        """Return everything that the next step depends on."""
        return {
            "network": self.network.state_dict(),
            "average": self._average,
            "optimiser": self._optimiser.state_dict(),
            "generator": self._generator.get_state(),
            "step": self.step,
        }

    def restore(self, state: dict[str, Any]) -> None:
        """Go on from `state()`'s answer as if nothing had happened."""
        self.network.load_state_dict(state["network"])
        with torch.no_grad():
            for mine, saved in zip(self._average, state["average"], strict=True):
                mine.copy_(saved)
        self._optimiser.load_state_dict(state["optimiser"])
        self._generator.set_state(state["generator"])
        self.step = state["step"]
