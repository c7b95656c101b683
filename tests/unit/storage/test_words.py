import pytest
from hypothesis import given
from hypothesis import strategies as st

from storage.words import MAX_SEARCH_WORDS, match_for, tokens_of


def finds(search: str, prompt: str, negative: str = "", seed: int = 0) -> bool:
    """What FTS5 does with the two: every quoted term must be a token."""
    match = match_for(1, search)
    tokens = tokens_of(1, prompt, negative, seed).split(" ")
    return match is None or all(term.strip('"') in tokens for term in match.split(" AND "))


@pytest.mark.parametrize(
    ("search", "prompt"),
    [
        ("circle", "a red circle"),
        ("cir re", "a red circle"),
        ("CAFÉ", "a cafe by the sea"),
        ("cafe", "a Café by the sea"),
        ("strasse", "die Straße"),
        ("猫", "黒い猫の絵"),
        ("黒い猫", "黒い猫の絵"),
        ("ガラス", "ガラスの城"),
        ("한국", "한국어 그림"),
        ("हिन्दी", "हिन्दी चित्र"),
        ("город", "Большой Город"),
        ("🎉", "party 🎉🎈"),
        ("👩‍🚀", "an astronaut 👩‍🚀 on the moon"),
        ("２０２６", "the year 2026"),
        ("oil,painting!", "an oil painting"),
        ("x" * 300, "x" * 300),
        ('"red" AND (NOT circle*', "red and not a circle"),
    ],
)
def test_words_are_found_by_their_beginnings_in_any_script(search: str, prompt: str) -> None:
    """Capitals, accents, width and punctuation do not count."""
    assert finds(search, prompt)


@pytest.mark.parametrize(
    ("search", "prompt"),
    [
        ("ircle", "a red circle"),
        ("red blue", "a red circle"),
        ("猫黒", "黒い猫"),
        ("カラス", "ガラスの城"),
        ("🎈", "🎉"),
    ],
)
def test_what_is_not_there_is_not_found(search: str, prompt: str) -> None:
    """The middle of a word, one word of two, characters in another order, another syllable."""
    assert not finds(search, prompt)


def test_the_negative_prompt_and_the_seed_are_searched_too() -> None:
    """A seed only whole: its first digits say nothing."""
    assert finds("red blurry", "a red circle", "blurry, text")
    assert finds("4242", "a red circle", seed=4242)
    assert not finds("424", "a red circle", seed=4242)


@pytest.mark.parametrize("search", ["", " \n", "!?*\"'", "\x00\x01\u202e", "\ud800"])
def test_a_search_without_words_is_for_everything(search: str) -> None:
    """Nothing to look up is nothing to fail on."""
    assert match_for(1, search) is None


def test_a_search_of_a_hundred_thousand_characters_is_cut() -> None:
    """It still finds the prompt that it begins with, at the price of a few words."""
    many = " ".join(f"word{number}" for number in range(20_000))
    match = match_for(1, many)
    assert match is not None
    assert match.count(" AND ") == MAX_SEARCH_WORDS - 1


def test_the_person_stands_in_front_of_every_token() -> None:
    """So that nobody's words are found by somebody else, whatever they type."""
    assert match_for(12, "1_red 2_red") == '"12_red" AND "12_1" AND "12_2"'
    assert all(token.startswith("12_") for token in tokens_of(12, "1_red", "12_x", 3).split(" "))


def test_the_tokens_of_a_picture_do_not_change() -> None:
    """Rows are found again by them when they are deleted: who changes this must rebuild the index in a migration."""
    assert tokens_of(3, "A red Ça 猫だ 🎉", "text", 42) == (
        "3_42 3_a 3_c 3_ca 3_r 3_re 3_red 3_t 3_te 3_tex 3_text 3_だ 3_猫 3_猫だ 3_🎉"
    )


@given(st.text(st.characters(codec=None), max_size=300))
def test_any_text_is_a_search_that_fts5_can_read(text: str) -> None:
    """No quote, operator, NUL, space or half character of an untrusted text comes through."""
    for term in (match_for(1, text) or '"1_x"').split(" AND "):
        assert term.startswith('"1_')
        assert term.endswith('"')
        assert all(letter.isalnum() or not letter.isascii() for letter in term[3:-1])
        assert not any(letter.isspace() for letter in term)
        term.encode()


@given(st.text(max_size=200))
def test_every_prompt_is_found_by_itself(text: str) -> None:
    """Indexing and searching split text alike."""
    assert finds(text, text)
