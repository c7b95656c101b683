"""What a worker inherits of our environment: everything but secrets that it has no use for. Pure.

A worker fetches models from the hub, so it keeps what belongs to the hub, HF_TOKEN too. Page, chats and whatever else
the operator keeps in an environment are no business of a process that opens strangers' weights.
"""

import re
from collections.abc import Mapping

_IS_SECRET = re.compile(
    r"\w*(TOKEN|PASSWORD|PASSWD|PASSPHRASE|SECRET|CREDENTIAL|(API|ACCESS|PRIVATE)_?KEY)\w*", re.IGNORECASE
)
_IS_OF_MODELS = re.compile(r"(HF|HUGGING_?FACE|TOKENIZERS|TRANSFORMERS|DIFFUSERS|TORCH)_\w+")


def for_a_worker(environment: Mapping[str, str]) -> dict[str, str]:
    """The variables without the secrets, known by their names."""
    return {name: value for name, value in environment.items() if not _is_kept_from_workers(name)}


def _is_kept_from_workers(name: str) -> bool:
    return bool(_IS_SECRET.fullmatch(name)) and not _IS_OF_MODELS.fullmatch(name)
