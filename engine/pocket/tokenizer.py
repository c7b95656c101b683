"""Pocket's tokenizer: a byte-level BPE in CLIP's layout, learnt from the captions and a few hundred common words.

Any text can be tokenized: what was never merged falls apart into bytes. Knows nothing of pictures.
"""

import json
from collections.abc import Iterable
from pathlib import Path

from tokenizers import Regex, Tokenizer, models, normalizers, pre_tokenizers, trainers
from transformers import CLIPTokenizer

# The longest caption of the world is 22 tokens. 32 positions (CLIP has 77) make the text encoder 2.4 times as cheap,
# and every position is trained; longer prompts are cut by the stock pipeline, as they are at CLIP's 77.
CONTEXT_TOKENS = 32
_MAX_VOCABULARY = 1_500
_WORD_END = "</w>"
_START, _END = "<|startoftext|>", "<|endoftext|>"
# CLIP's own split: contractions, runs of letters, single digits, runs of anything else.
_WORDS = r"""'s|'t|'re|'ve|'m|'ll|'d|[\p{L}]+|[\p{N}]|[^\s\p{L}\p{N}]+"""
# Words that people use and the world does not draw: whole tokens now, so that a wider world keeps the vocabulary.
_COMMON_WORDS = """the of and to in is you that it he was for on are as with his they at be this have from or one had by
word but not what all were we when your can said there use an each which she do how their if will up other about out
many then them these so some her would make like him into time has look two three four five six more write go see number
no way could people my than first water been call who oil its now find long down day did get come made may part house
tree dog cat man woman boy girl child person face eye hand city street car bus train plane ship boat fish bird horse cow
sheep lion tiger bear dragon knight king queen princess castle tower bridge river lake ocean sea beach forest jungle
garden flower grass sky sun moon star planet space rocket robot alien monster wizard witch magic fantasy portrait
landscape photo painting drawing sketch cartoon anime style art realistic detailed beautiful cute dark light bright
colorful old new young big small happy sad angry running sitting standing wearing hat dress glasses above below left
right next beside inside between stripes dots checkerboard gradient pattern mountain mountains hill desert snow night
sunset sunrise storm cloud balloon butterfly ghost apple cup umbrella mushroom smiley house pine"""


def train_tokenizer(captions: Iterable[str], folder: Path) -> None:
    """Learn the merges and write vocab.json, merges.txt and their configuration into `folder`.

    Not repeatable: tokenizers orders merges of equal count as it likes. Learn once, then keep the folder.
    """
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    tokenizer = Tokenizer(models.BPE(end_of_word_suffix=_WORD_END))
    tokenizer.normalizer = normalizers.Sequence(
        [normalizers.NFC(), normalizers.Replace(Regex(r"\s+"), " "), normalizers.Lowercase()]
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence(
        [
            pre_tokenizers.Split(Regex(_WORDS), behavior="removed", invert=True),
            pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False),
        ]
    )
    trainer = trainers.BpeTrainer(
        vocab_size=_MAX_VOCABULARY,
        min_frequency=2,
        initial_alphabet=alphabet,
        end_of_word_suffix=_WORD_END,
        show_progress=False,
    )
    # Twenty times: above `min_frequency`, below the world's own words.
    tokenizer.train_from_iterator([*captions, *[_COMMON_WORDS] * 20], trainer)
    _write(folder, alphabet, [tuple(merge) for merge in json.loads(tokenizer.to_str())["model"]["merges"]])


def load_tokenizer(folder: Path) -> CLIPTokenizer:
    """Read what `train_tokenizer` wrote."""
    return CLIPTokenizer.from_pretrained(folder, local_files_only=True)


def tokenize(tokenizer: CLIPTokenizer, texts: list[str]) -> list[list[int]]:
    """Return `CONTEXT_TOKENS` ids per text, padded and cut exactly as the stock pipeline does."""
    ids: list[list[int]] = tokenizer(texts, padding="max_length", max_length=CONTEXT_TOKENS, truncation=True).input_ids
    return ids


def _write(folder: Path, alphabet: list[str], merges: list[tuple[str, str]]) -> None:
    # CLIP's order: bytes, bytes that end a word, merges, the two markers.
    vocabulary: dict[str, int] = {}
    entries = [*alphabet, *(f"{byte}{_WORD_END}" for byte in alphabet), *(f"{a}{b}" for a, b in merges), _START, _END]
    for entry in entries:
        vocabulary.setdefault(entry, len(vocabulary))
    markers = {"bos_token": _START, "eos_token": _END, "unk_token": _END, "pad_token": _END}
    configuration = {
        "tokenizer_class": "CLIPTokenizer",
        "model_max_length": CONTEXT_TOKENS,
        "do_lower_case": True,
        "add_prefix_space": False,
        "errors": "replace",
        **markers,
    }
    folder.mkdir(parents=True, exist_ok=True)
    _write_json(folder / "vocab.json", vocabulary)
    merge_lines = ["#version: 0.2", *(" ".join(merge) for merge in merges)]
    (folder / "merges.txt").write_text("\n".join(merge_lines) + "\n", encoding="utf-8")
    _write_json(folder / "tokenizer_config.json", configuration)
    _write_json(folder / "special_tokens_map.json", markers)


def _write_json(path: Path, content: object) -> None:
    path.write_text(json.dumps(content, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
