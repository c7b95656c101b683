"""What phones and strangers do to text, undone: unseen characters, dashes for hyphens, curly quotes, wide forms.

Pure, and linear in the length of the text. Knows nothing of commands.
"""

import re
import unicodedata

SHOWN_CHARS = 40
ESCAPE = "\\"
DASHES = "-\u2010-\u2015\u2212\ufe58\ufe63\uff0d"  # first within [ ] of a pattern
LONG_DASHES = "\u2012-\u2015\ufe58"  # one of these is what phones make of --
QUOTES = {'"': '"', "'": "'", "“": "”", "„": "“”", "”": "”", "«": "»", "‘": "’", "’": "’", "＂": "＂"}
OPEN_BRACES, CLOSE_BRACES, COMMAS = "{｛", "}｝", ",，"

_EMOJI = "\u2190-\u2bff\u3030\u303d\u3297\u3299\U0001f000-\U0001faff"
# Controls, surrogates, and what draws nothing but joins, splits, hides or turns around what does; no white space.
# Tags (U+E0020 to E007F) stay after a black flag, where they spell a country; ZWJ stays between emoji.
_UNSEEN = re.compile(
    "\U0001f3f4[\U000e0020-\U000e007e]{1,8}\U000e007f"
    f"|(?<=[{_EMOJI}\ufe0f])\u200d(?=[{_EMOJI}])"
    "|([\x00-\x08\x0e-\x1b\x7f-\x84\x86-\x9f\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u200b-\u200f"
    "\u202a-\u202e\u2060-\u206f\u3164\ud800-\udfff\ufeff\uffa0\ufff0-\ufffb"
    "\U0001d173-\U0001d17a\U000e0000-\U000e0fff]+)"
)
_SPACE = re.compile(r"\s")
_ESCAPABLE = rf"[{DASHES}\\{re.escape(OPEN_BRACES + CLOSE_BRACES + COMMAS + ''.join(QUOTES))}]"
_ESCAPED = re.compile(rf"\\({_ESCAPABLE})")
_TO_ESCAPE = re.compile(rf"[\\{re.escape(OPEN_BRACES + CLOSE_BRACES)}]|(?<!\S)(?=[{DASHES}])")
_QUOTED = re.compile(
    "|".join(rf"{re.escape(left)}((?:[^\\]|\\.)*?)[{re.escape(right)}]" for left, right in QUOTES.items())
)


def clean(text: str) -> str:
    """The text without what cannot be seen; every white space is one plain space, and none is at the ends."""
    return _SPACE.sub(" ", _UNSEEN.sub(_seen, text)).strip(" ")


def plain(text: str) -> str:
    """A value without what phones add: wide forms narrow, dashes hyphens, no mark of a sentence behind it."""
    text = re.sub(f"[{DASHES}]", "-", unicodedata.normalize("NFKC", text[:1_000]))
    return text.strip().rstrip(",;")


def shown(text: str) -> str:
    """As a sentence may quote it: in quotes, at most 40 characters of it."""
    return f"'{cut(text)}'"


def cut(text: str) -> str:
    """At most 40 characters of it, clean."""
    text = clean(text[: 4 * SHOWN_CHARS])
    return text if len(text) <= SHOWN_CHARS else clean(text[: SHOWN_CHARS - 1]) + "…"


def escape(text: str) -> str:
    """So that `unescape` gives it back, and nothing in it is taken for braces or a flag."""
    return _TO_ESCAPE.sub(lambda match: ESCAPE + match[0], text)


def unescape(text: str) -> str:
    r"""With `\{`, `\--` and their like as the characters they stand for. Any other backslash is one."""
    return _ESCAPED.sub(r"\1", text)


def quote(text: str) -> str:
    """In quotes if it is not one word or could be taken for quoted, so that `unquoted` gives it back; escaped."""
    is_plain = bool(text) and " " not in text and text[0] not in QUOTES
    return escape(text) if is_plain else '"' + escape(text).replace('"', '\\"') + '"'


def quoted_at_start(text: str) -> tuple[str, str] | None:
    """What stands in quotes at the start, still escaped, and what follows; None without quotes or a closing one."""
    match = _QUOTED.match(text)
    rest = text[match.end() :] if match else ""
    if not match or not (rest == "" or rest.startswith(" ")):
        return None
    return next(group for group in match.groups() if group is not None), rest


def _seen(match: re.Match[str]) -> str:
    return "" if match[1] else match[0]
