r"""`a {red,blue} circle` → every text it stands for. Braces nest; `\{`, `\}` and `\,` stand for themselves.

Braces without a comma are text. Escapes stay escaped in what comes out. Linear in the length of the text and of what
comes out. Knows nothing of prompts.
"""

import itertools
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from bot.typography import CLOSE_BRACES, COMMAS, OPEN_BRACES
from engine.errors import UserError

MAX_PERMUTATIONS = 16  # of one picture each that is a message full
MAX_DEPTH = 6  # emphasis of other programs ({{{word}}}) goes to 3 or so
_COUNTED_TO = 1_000_000
_TOKEN = re.compile(rf"\\.|[{re.escape(OPEN_BRACES + CLOSE_BRACES + COMMAS)}]|[^\\{{}}｛｝,，]+|\\", re.DOTALL)


@dataclass(slots=True)
class _Group:
    """A pair of braces: alternatives, each a sequence of texts and groups. `marks`: the braces as they were written."""

    alternatives: list[list["str | _Group"]] = field(default_factory=lambda: [[]])
    marks: list[str] = field(default_factory=list)
    is_outermost: bool = False


def expand(text: str) -> tuple[str, ...]:
    """Every permutation, in the order they were written. Raises: UserError for too many, too deep, or an open brace."""
    whole = _read(text)
    n_texts = _count(whole)
    if n_texts > MAX_PERMUTATIONS:
        many = f"{n_texts:,}" if n_texts <= _COUNTED_TO else f"more than {_COUNTED_TO:,}"
        raise UserError(
            f"The braces make {many} prompts; {MAX_PERMUTATIONS} is the most. Please take some choices out."
        )
    texts = tuple(_texts(whole))
    return tuple(re.sub(" {2,}", " ", each).strip() for each in texts) if len(texts) > 1 else texts


def _read(text: str) -> _Group:
    groups = [_Group(is_outermost=True)]
    for token in _TOKEN.findall(text):
        inner = groups[-1]
        if token in OPEN_BRACES:
            groups.append(_Group(marks=[token]))
            if len(groups) - 1 > MAX_DEPTH:
                raise UserError(
                    f"Braces may stand {MAX_DEPTH} deep at the most; please use fewer, or write \\{{ for one."
                )
        elif token in CLOSE_BRACES and not inner.is_outermost:
            groups.pop()
            groups[-1].alternatives[-1].extend(_closed(inner, token))
        elif token in COMMAS and not inner.is_outermost:
            inner.alternatives.append([])
        else:
            inner.alternatives[-1].append(token)
    if len(groups) > 1:
        raise UserError("A brace { is open; close it with } for choices such as {red,blue}, or write \\{ for a brace.")
    return groups[0]


def _closed(group: _Group, mark: str) -> "list[str | _Group]":
    """What a pair of braces comes to: itself if it is a choice, else its text with the braces around it."""
    if len(group.alternatives) > 1:
        return [group]
    return [*group.marks, *group.alternatives[0], mark]


def _count(group: _Group) -> int:
    """How many texts, up to one more than is ever told."""
    n_texts = 0
    for sequence in group.alternatives:
        n_here = 1
        for part in sequence:
            if isinstance(part, _Group):
                n_here = min(n_here * _count(part), _COUNTED_TO + 1)
        n_texts += n_here
    return min(n_texts, _COUNTED_TO + 1)


def _texts(group: _Group) -> Iterator[str]:
    for sequence in group.alternatives:
        parts = [_stripped(part) if isinstance(part, _Group) else [part] for part in sequence]
        for words in itertools.product(*parts):
            yield "".join(words)


def _stripped(group: _Group) -> list[str]:
    """Without the spaces that people put around commas."""
    return [text.strip() for text in _texts(group)]
