"""What a job that cannot be drawn is told: a sentence for the person, the rest for the log."""

import logging

from engine.domain import Job
from engine.errors import DarkroomError, ModelError, UserError
from engine.messages import Broke
from engine.worker.device import is_out_of_memory
from engine.worker.models import Model

_log = logging.getLogger(__name__)


def never_began(job: Job) -> Broke:
    """Its deadline passed while its model was on the way, or others were served."""
    return Broke(
        sentence=f"This waited {job.deadline_s:g} s for its model or its turn, the longest allowed here. "
        "Please ask again in a while.",
        their_fault=False,
    )


def too_late(job: Job) -> Broke:
    """It took longer than its deadline."""
    return Broke(
        sentence=f"This took longer than {job.deadline_s:g} s, the longest allowed here. "
        "Try fewer steps or a smaller picture.",
        their_fault=True,
    )


def stable_does_not_fit(n_rows: int) -> Broke:
    """Stable mode cannot be split into smaller steps: its row count is what it is about."""
    return Broke(
        sentence=f"Stable mode draws {n_rows} rows at once, for which this device has not enough memory at this size. "
        "Use the fast or exact mode, or a smaller picture.",
        their_fault=True,
    )


def not_finite(model: Model) -> Broke:
    """The model's numbers overflowed; a black picture would be no answer."""
    return Broke(
        sentence=f"The model {model.entry.name} produced numbers that are no picture. "
        "Another seed or a lower guidance usually helps.",
        their_fault=False,
        detail=f"non-finite pixels in {model.device.dtype}",
    )


def explain(exc: Exception) -> Broke:
    """What to tell the person whose job failed so; the log gets the rest."""
    if isinstance(exc, UserError):
        return Broke(sentence=str(exc), their_fault=True)
    if isinstance(exc, ModelError):
        return Broke(sentence=str(exc), their_fault=False, detail=repr(exc.__cause__))
    if is_out_of_memory(exc):
        sentence = "There is not enough memory here for a picture of this size. Try a smaller one."
        return Broke(sentence=sentence, their_fault=True, detail=str(exc))
    _log.error("a job failed", exc_info=exc)
    if isinstance(exc, DarkroomError):
        return Broke(sentence=str(exc), their_fault=False)
    return Broke(sentence="Something broke while drawing this.", their_fault=False, detail=repr(exc))
