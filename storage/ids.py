"""Names of requests and pictures: how they are made and read. Pure but for the drawing of an id."""

import re
import secrets

ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u, so it survives being read out
ID_CHARS = 10  # 50 bits: at a million requests a clash has the chance of 1 in 2,000, and UNIQUE refuses it
MAX_NUMBER = 99  # 16 jobs of 4 pictures are 64; 0 is the grid
_ID = re.compile(f"[{ALPHABET}]{{{ID_CHARS}}}")
_NAME = re.compile(rf"({_ID.pattern})(?:\.(\d{{1,2}}))?", re.ASCII)


def new_request_id() -> str:
    """Ten characters that nobody can guess, such as k3f9m2q7xa; with a digit, so that no word of a prompt looks so."""
    while True:
        drawn = "".join(secrets.choice(ALPHABET) for _ in range(ID_CHARS))
        if not drawn.isalpha():
            return drawn


def is_request_id(words: str) -> bool:
    """Whether it has the form of a request's id; not whether there is one."""
    return _ID.fullmatch(words) is not None


def picture_name(request_id: str, number: int) -> str:
    """`<request>.<number>`; number 0 is the grid."""
    return f"{request_id}.{number}"


def read_picture_name(words: str) -> tuple[str, int] | None:
    """Request and number; a bare request means its first picture. None if it is no picture's name."""
    match = _NAME.fullmatch(words)
    return (match[1], int(match[2] or 1)) if match else None
