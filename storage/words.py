"""Text → what can be searched in it, and a search → what to look for. Pure.

A word is letters and digits; capitals, accents and forms of width do not count. Scripts written without spaces give a
word at each character, of one and two of them; a symbol such as an emoji is a word of its own. Indexed is every
beginning of a word, with the person in front: to look for a beginning is then to look up one term, and somebody with
ten pictures never walks over the words of somebody with a million.

What `tokens_of` gives is how a row is found again in the index when it is deleted: to change it takes a migration that
builds the index anew.
"""

import re
import unicodedata
from collections.abc import Iterator

MAX_WORD_CHARS = 20  # a longer word is found by its first 20
MAX_SEARCH_CHARS = 4_100  # a whole prompt can be pasted
MAX_SEARCH_WORDS = 24  # more would narrow nothing down

# Han, kana, Thai, Lao, Burmese, Khmer: written without spaces. After NFKC no compatibility forms are left.
_UNSPACED = "\u0e00-\u0eff\u1000-\u109f\u1780-\u17ff\u3005-\u3007\u3040-\u30ff\u3400-\u9fff\U00020000-\U000323af"
_RUNS = re.compile(rf"([{_UNSPACED}]+)|([^\W_{_UNSPACED}]+)|([^\w\s])")
_KANA_MARKS = "\u3099\u309a"  # they make another syllable, not an accented one
_SYMBOLS = ("So", "Sk")  # emoji, arrows, dingbats; their skin tones
_Person = int


def tokens_of(person: _Person, prompt: str, negative: str, seed: int) -> str:
    """What the search index takes in for a picture."""
    found = {f"{seed}"}
    for word, is_unspaced in _words(f"{prompt} {negative}"):
        longest = min(len(word), 2 if is_unspaced else MAX_WORD_CHARS)
        found.update(word[:end] for end in range(1, longest + 1))
    return " ".join(f"{person}_{token}" for token in sorted(found))


def match_for(person: _Person, words: str) -> str | None:
    """The search, as FTS5 wants it: all of `words` as beginnings. None where `words` holds no word: everything matches.

    Nothing of an untrusted text but letters, digits and symbols gets through, each word as a quoted string.
    """
    wanted: dict[str, None] = {}
    for word, is_unspaced in _words(words[:MAX_SEARCH_CHARS]):
        wanted.setdefault(word[: 2 if is_unspaced else MAX_WORD_CHARS])
    needed = [word for word in wanted if not any(other != word and other.startswith(word) for other in wanted)]
    longest_first = sorted(needed, key=len, reverse=True)[:MAX_SEARCH_WORDS]  # likely the rarest
    return " AND ".join(f'"{person}_{word}"' for word in longest_first) or None


def _words(text: str) -> Iterator[tuple[str, bool]]:
    """Each word, and whether its script has no spaces."""
    for unspaced, word, symbol in _RUNS.findall(_plain(text)):
        if unspaced:
            yield from ((unspaced[start : start + 2], True) for start in range(max(1, len(unspaced))))
        elif word:
            yield word, False
        elif not symbol.isascii() and unicodedata.category(symbol) in _SYMBOLS:  # FTS5's "ascii" parts at any of ASCII
            yield symbol, False


def _plain(text: str) -> str:
    """Without what does not count: capitals, accents and vowel signs, forms of width, halves of characters."""
    folded = text.casefold()
    if folded.isascii():
        return folded
    parts = unicodedata.normalize("NFKD", folded.encode("utf-8", "ignore").decode())
    bare = (letter for letter in parts if letter in _KANA_MARKS or not unicodedata.category(letter).startswith("M"))
    return unicodedata.normalize("NFKC", "".join(bare))
