"""Compare verdicts with what was asked for, and lay the shares out as Markdown.

Knows nothing of how the pictures were made.
"""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass

from engine.pocket.captions import Subject
from engine.pocket.judge import Verdict


@dataclass(frozen=True, slots=True, kw_only=True)
class Score:
    """Shares (0..1) of `count` pictures that have the right background, colour, shape, and all three."""

    count: int
    background: float
    colour: float
    shape: float
    everything: float

    def as_json(self) -> dict[str, float]:
        """Return plain numbers, rounded to three places."""
        return {name: round(value, 3) for name, value in asdict(self).items()}


def score(verdicts: Sequence[Verdict], wanted: Sequence[Subject]) -> Score:
    """Compare one to one; at least one pair."""
    pairs = list(zip(verdicts, wanted, strict=True))
    background = [verdict.background == subject.background for verdict, subject in pairs]
    colour = [verdict.colour == subject.colour for verdict, subject in pairs]
    shape = [verdict.shape == subject.shape for verdict, subject in pairs]
    return Score(
        count=len(pairs),
        background=sum(background) / len(pairs),
        colour=sum(colour) / len(pairs),
        shape=sum(shape) / len(pairs),
        everything=sum(map(all, zip(background, colour, shape, strict=True))) / len(pairs),
    )


def table(title: str, rows: Mapping[str, Score]) -> str:
    """Return a Markdown table with one row per name, shares in per cent."""
    lines = [f"| {title} | n | background | object colour | shape | all three |", "|---|---|---|---|---|---|"]
    for name, row in rows.items():
        shares = (row.background, row.colour, row.shape, row.everything)
        lines.append(f"| {name} | {row.count} | " + " | ".join(f"{100 * share:.1f} %" for share in shares) + " |")
    return "\n".join(lines)
