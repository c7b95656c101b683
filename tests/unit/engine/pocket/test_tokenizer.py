"""Pocket's tokenizer takes any text that people type."""

from pathlib import Path

import pytest

from engine.pocket.tokenizer import CONTEXT_TOKENS, load_tokenizer, tokenize, train_tokenizer
from engine.pocket.world import sample


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A tokenizer learnt from a few hundred captions."""
    path = tmp_path_factory.mktemp("tokenizer")
    train_tokenizer((sample(seed).caption for seed in range(300)), path)
    return path


@pytest.mark.parametrize("text", ["", " ", "🤖🎉", "漢字 naïve Ünïcode", "a red circle " * 200, "\n\t", "x" * 2_000])
def test_any_text_fills_the_context_exactly(folder: Path, text: str) -> None:
    """Empty, emoji, other scripts and very long prompts give the full context of known ids."""
    tokenizer = load_tokenizer(folder)
    [ids] = tokenize(tokenizer, [text])
    assert len(ids) == CONTEXT_TOKENS
    assert ids[0] == tokenizer.bos_token_id
    assert ids[-1] == tokenizer.eos_token_id
    assert 0 <= min(ids) <= max(ids) < len(tokenizer)


def test_the_worlds_words_are_whole_tokens(folder: Path) -> None:
    """A plain request is one token a word, whatever its case."""
    tokenizer = load_tokenizer(folder)
    words = "a red circle on a blue background"
    assert len(tokenizer(words).input_ids) == len(words.split()) + 2
    assert tokenizer(words.upper()).input_ids == tokenizer(words).input_ids


def test_no_caption_is_cut(folder: Path) -> None:
    """The context holds every caption of the world."""
    tokenizer = load_tokenizer(folder)
    captions = [sample(seed).caption for seed in range(1_000)]
    assert max(len(ids) for ids in tokenizer(captions).input_ids) <= CONTEXT_TOKENS
