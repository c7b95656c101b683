"""The one exception tree. Every message is a sentence that can be shown to a person as it stands.

DarkroomError
├── UserError          they can fix it: say str(exc), log INFO, never retry
│   ├── InvalidRecipe  a value out of its bounds
│   ├── BadPicture     a file that is no picture, or one we do not open
│   └── UnknownModel   no model of that name here
├── JobError           this job only: refund, apologise, go on with the next
│   └── ModelError     the model cannot be loaded or drawn with
├── EngineError        the engine is ill: its jobs go back to waiting
│   ├── WorkerLost     the worker process died, hung or fell silent
│   └── ProtocolError  bytes on the pipe that are no message of ours
├── StorageError       the disk is ill; __cause__ keeps the original
└── PlatformError      delivery failed: retry after the time it names; the picture is kept
    ├── DeliveryRefused    for good: blocked, gone, forbidden
    └── DeliveryUnknown    nobody knows whether it was delivered: look before sending again
"""


class DarkroomError(Exception):
    """Root of everything Darkroom raises on purpose."""


class UserError(DarkroomError):
    """The person who asked can fix it; the message says how."""


class InvalidRecipe(UserError):
    """A recipe's value is out of its bounds."""


class BadPicture(UserError):
    """A file is no picture, or not one that we open."""


class UnknownModel(UserError):
    """No model of that name, folder or file is here."""


class JobError(DarkroomError):
    """One job failed through no fault of the person; the others go on."""


class ModelError(JobError):
    """A model is there but cannot be loaded, or cannot draw this recipe."""


class EngineError(DarkroomError):
    """The engine is ill; its jobs can be submitted again."""


class WorkerLost(EngineError):
    """The worker process died, hung or fell silent."""


class ProtocolError(EngineError):
    """Bytes arrived on the pipe that are no message of ours."""


class StorageError(DarkroomError):
    """The disk or the database is ill; `__cause__` keeps the original."""


class PlatformError(DarkroomError):
    """A chat platform refused or did not answer; the picture is kept. `retry_after_s`: what it asked for, if it did."""

    def __init__(self, sentence: str, retry_after_s: float | None = None) -> None:
        super().__init__(sentence)
        self.retry_after_s = retry_after_s


class DeliveryRefused(PlatformError):
    """The platform will never take this: blocked by the person, the place is gone, a right is missing."""


class DeliveryUnknown(PlatformError):
    """The call may have worked or not (a reply was lost): it must be looked for before it is made again."""
