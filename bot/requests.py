"""What people ask for, once their words are understood: one frozen type a command. Knows nothing of platforms.

A picture is named `<request>.<number>` ("k3f9m2q7xa.2"), or by the request alone where it has one picture. None is "the
one at hand": what is attached, else the message answered to, else the asker's newest picture.
"""

from dataclasses import dataclass
from enum import StrEnum

from bot.recipes import Wish


class Axis(StrEnum):
    """What `/compare` lets differ."""

    SAMPLER = "sampler"
    STEPS = "steps"
    GUIDANCE = "guidance"
    STRENGTH = "strength"
    MODEL = "model"


@dataclass(frozen=True, slots=True, kw_only=True)
class Imagine:
    """Draw from words: one wish for each permutation of `{red,blue}`, at least one, in the order they were written."""

    wishes: tuple[Wish, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Remix:
    """Redraw a picture by `wish`; an empty prompt means the picture's own."""

    source: str | None
    wish: Wish


@dataclass(frozen=True, slots=True, kw_only=True)
class Upscale:
    """Enlarge a picture `factor` times: by resampling, or with `refine` through the model as well."""

    source: str | None
    factor: int
    is_refined: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class Vary:
    """Variations of a picture: the same words, new seeds, a little (subtle) or a lot (strong) repainted."""

    source: str | None
    is_strong: bool
    n_pictures: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Again:
    """The same recipe with a new seed."""

    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Compare:
    """One wish and one seed over several `values` of one axis (as typed, checked): a labelled grid.

    `source` is the picture that strengths are compared on.
    """

    wish: Wish
    axis: Axis
    values: tuple[str, ...]
    source: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Show:
    """One picture alone, with everything that can be done with it."""

    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class History:
    """The asker's own pictures, newest first: those with all of `words` in their prompt; `page` counts from 1."""

    words: str
    page: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowRecipe:
    """How a picture was made: of ours by its name, of anybody's by the file."""

    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Original:
    """A picture's lossless original as a file; of `<request>.0` the labelled grid."""

    source: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Development:
    """The animation of how a picture developed, as a file. Pressed only: no command has it."""

    source: str


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowQueue:
    """What waits and what is being drawn; `is_all`: everybody's, for admins."""

    is_all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Cancel:
    """Take a request back; None is the asker's newest that is not finished. `is_any`: somebody else's, for admins."""

    request: str | None
    is_any: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class Help:
    """The commands; or one of them, or "model", in full. `topic` is "" for all."""

    topic: str


# The desk. `who` is as it was written: an account ("discord:123"), a mention ("<@123>"), a name ("@ada", "Ada"), a
# request ("k3f9m2q7xa": whoever asked it); where it says so also a tier ("tier:guest"), a group ("group:<id>"), "here"
# (this place) or "everyone". The desk finds out whom it means.


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowQuota:
    """How much somebody may draw and has drawn today; None is the asker."""

    who: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SetQuota:
    """Set a limit. `key` is tier, rate, burst, in_flight or daily; `value` a tier's name, a number or "unlimited".

    None is "as before": it is no longer set for them. `who` may be a tier, a group, "here" or "everyone".
    """

    who: str
    key: str
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class GrantQuota:
    """More standard pictures for today."""

    who: str
    n_pictures: float


@dataclass(frozen=True, slots=True, kw_only=True)
class ResetQuota:
    """Today's use is zero again."""

    who: str


@dataclass(frozen=True, slots=True, kw_only=True)
class BanSomebody:
    """Refuse somebody: for `for_s` seconds (None: until lifted), in this place or (`is_everywhere`) all of Darkroom."""

    who: str
    reason: str
    for_s: float | None
    is_everywhere: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class UnbanSomebody:
    """Lift a ban, in this place or everywhere."""

    who: str
    is_everywhere: bool


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowBans:
    """Who is banned."""


@dataclass(frozen=True, slots=True, kw_only=True)
class AllowSomebody:
    """Let in (or keep out) a person, everybody "here", or "everyone" on this platform; None: as it was at first."""

    who: str
    is_allowed: bool | None


class Course(StrEnum):
    """What the engine is to do."""

    PAUSE = "pause"  # nothing is drawn and the device is free; what is asked waits
    RESUME = "resume"
    DRAIN = "drain"  # what waits is drawn, and nothing new is taken


@dataclass(frozen=True, slots=True, kw_only=True)
class Steer:
    """Pause, resume or drain the engine, over restarts too."""

    course: Course


@dataclass(frozen=True, slots=True, kw_only=True)
class ListModels:
    """Which models there are, which is loaded, and which is drawn with here."""


@dataclass(frozen=True, slots=True, kw_only=True)
class UseModel:
    """Draw with this model from now on: the asker, or with `is_default` everybody who names none here."""

    model: str
    is_default: bool


class Scope(StrEnum):
    """For whom something is set."""

    ME = "me"
    PLACE = "place"
    SERVER = "server"  # or group: all places of the community around
    ALL = "all"


@dataclass(frozen=True, slots=True, kw_only=True)
class Tune:
    """Show what is set, or set `key` to `value`, as typed; a None value with a key: as it was at first."""

    scope: Scope
    key: str | None
    value: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowStats:
    """Pictures, seconds, waits and people of the last days."""

    n_days: int


@dataclass(frozen=True, slots=True, kw_only=True)
class ShowAudit:
    """What admins did, newest first; `page` counts from 1."""

    page: int


@dataclass(frozen=True, slots=True, kw_only=True)
class MyData:
    """Everything that is kept about the asker, as a file."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ForgetMe:
    """Delete all of it; asks first."""


@dataclass(frozen=True, slots=True, kw_only=True)
class LinkAccounts:
    """Get a code, or with one join this account to the one that got it; asks first."""

    code: str | None


@dataclass(frozen=True, slots=True, kw_only=True)
class UnlinkAccounts:
    """This account stands for itself again."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Claim:
    """Become an operator with the code that was printed at the start."""

    code: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Collect:
    """Show here what could not be delivered."""


Desk = (
    ShowQuota
    | SetQuota
    | GrantQuota
    | ResetQuota
    | BanSomebody
    | UnbanSomebody
    | ShowBans
    | AllowSomebody
    | Steer
    | ListModels
    | UseModel
    | Tune
    | ShowStats
    | ShowAudit
    | MyData
    | ForgetMe
    | LinkAccounts
    | UnlinkAccounts
    | Claim
)
Request = (
    Imagine
    | Remix
    | Upscale
    | Vary
    | Again
    | Compare
    | Show
    | History
    | ShowRecipe
    | Original
    | Development
    | ShowQueue
    | Cancel
    | Collect
    | Help
    | Desk
)
