from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.permutations import MAX_DEPTH, MAX_PERMUTATIONS, expand
from bot.typography import escape, unescape
from engine.errors import UserError


@pytest.mark.parametrize(
    ("text", "texts"),
    [
        ("a red circle", ["a red circle"]),
        ("a {red,blue} circle", ["a red circle", "a blue circle"]),
        ("{red, blue} {circle ,square}", ["red circle", "red square", "blue circle", "blue square"]),
        ("a {red,{dark,light} blue} ring", ["a red ring", "a dark blue ring", "a light blue ring"]),
        ("a {big,} ring", ["a big ring", "a ring"]),
        ("x --seed {1,2}", ["x --seed 1", "x --seed 2"]),
        ("｛红，蓝｝", ["红", "蓝"]),
        ("a {word}", ["a {word}"]),
        ("a {{word}}", ["a {{word}}"]),
        ("a {} b", ["a {} b"]),
        ("{a {b,c}}", ["{a b}", "{a c}"]),
        (r"\{a,b\} {c\,d,e}", [r"\{a,b\} c\,d", r"\{a,b\} e"]),
        ("a, b} c", ["a, b} c"]),
        ("ends with \\", ["ends with \\"]),
        ("", [""]),
    ],
)
def test_choices_in_braces_are_written_out(text: str, texts: list[str]) -> None:
    """In the order they were written; braces without a comma are text, and so is what is escaped."""
    assert list(expand(text)) == texts


def test_too_many_are_counted() -> None:
    """The sentence says how many there would be."""
    with pytest.raises(UserError, match="make 32 prompts; 16 is the most"):
        expand("{a,b}" * 5)
    with pytest.raises(UserError, match="more than 1,000,000"):
        expand("{a,b}" * 3_000)


@pytest.mark.parametrize("text", ["{a,b", "a {", "{a,{b,c}", "{" * (MAX_DEPTH + 1) + "a,b" + "}" * (MAX_DEPTH + 1)])
def test_open_and_too_deep_braces_are_refused(text: str) -> None:
    """With the way to write a brace."""
    with pytest.raises(UserError, match=r"\\{"):
        expand(text)


@given(st.text(st.sampled_from("ab {},\\-｛，"), max_size=40))
def test_any_text_gives_texts_or_a_sentence(text: str) -> None:
    """Never more than the most, never none."""
    try:
        texts = expand(text)
    except UserError:
        return
    assert 1 <= len(texts) <= MAX_PERMUTATIONS


@given(st.text(max_size=200))
def test_an_escaped_text_is_one_text(text: str) -> None:
    """And comes out as it went in."""
    [out] = expand(escape(text))
    assert unescape(out) == text


@given(st.lists(st.lists(st.text("abc", min_size=1, max_size=3), min_size=2, max_size=4), min_size=1, max_size=2))
def test_every_combination_is_there_once(groups: list[list[str]]) -> None:
    """As itertools would have it."""
    text = " ".join("{" + ",".join(group) + "}" for group in groups)
    assert list(expand(text)) == [" ".join(words) for words in product(*groups)]
