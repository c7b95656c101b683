"""Pocket's world: the same seed draws the same picture, and nothing held out is ever drawn for training."""

from random import Random

import pytest

from engine.pocket.captions import Subject, caption, plain_caption
from engine.pocket.colours import PALETTE
from engine.pocket.judge import judge
from engine.pocket.shapes import SHAPES
from engine.pocket.world import HELD_OUT, HELD_OUT_COUNT, PICTURE_PX, combination, draw, sample, visible_combinations


def test_a_seed_names_one_picture() -> None:
    """The same seed gives the same pixels and words, another seed others."""
    first, again, other = sample(5), sample(5), sample(6)
    assert first.picture.tobytes() == again.picture.tobytes()
    assert (first.caption, first.subject) == (again.caption, again.subject)
    assert first.picture.tobytes() != other.picture.tobytes()


def test_a_picture_has_the_models_size() -> None:
    """Training pictures are 128 px square RGB, as the model draws them."""
    picture = sample(1).picture
    assert (picture.size, picture.mode) == ((PICTURE_PX, PICTURE_PX), "RGB")


def test_the_judge_sees_what_the_subject_says() -> None:
    """On true pictures, the judge names the background, colour and shape that were drawn."""
    wrong = []
    for seed in range(120):
        drawn = sample(seed)
        verdict = judge(drawn.picture)
        if (verdict.shape, verdict.colour, verdict.background) != combination(drawn.subject):
            wrong.append((seed, verdict, drawn.subject))
    assert not wrong


def test_held_out_combinations_are_never_drawn_for_training() -> None:
    """None of two thousand training pictures shows a combination kept for the evaluation."""
    held_out = frozenset(HELD_OUT)
    assert not [seed for seed in range(2_000) if combination(sample(seed).subject) in held_out]


def test_held_out_combinations_are_a_fixed_visible_few() -> None:
    """They are distinct, can be seen, and leave most combinations for training."""
    assert len(set(HELD_OUT)) == HELD_OUT_COUNT
    assert set(HELD_OUT) <= set(visible_combinations())
    assert len(visible_combinations()) > 5 * HELD_OUT_COUNT


def test_every_shape_and_colour_is_held_out_somewhere() -> None:
    """The evaluation asks for each shape and each colour."""
    assert {shape for shape, _, _ in HELD_OUT} == set(SHAPES)
    assert {colour for _, colour, _ in HELD_OUT} == set(PALETTE)


def test_a_caption_names_only_what_is_there() -> None:
    """No phrasing names a colour that the subject does not have."""
    subject = Subject(shape="star", colour="red", background="gray")
    words = set(" ".join(caption(subject, Random(seed)) for seed in range(300)).replace(",", "").split())
    assert words & set(PALETTE) == {"red", "gray"}
    assert {"grey", "please", "draw", "star"} <= words


@pytest.mark.parametrize(
    ("colour", "background", "words"),
    [
        ("orange", "blue", "an orange star on a blue background"),
        ("blue", "orange", "a blue star on an orange background"),
    ],
)
def test_the_plain_caption_has_the_right_articles(colour: str, background: str, words: str) -> None:
    """The evaluation asks in good English."""
    assert plain_caption(Subject(shape="star", colour=colour, background=background)) == words


def test_a_size_word_changes_the_size() -> None:
    """A huge circle covers more of the picture than a tiny one."""
    areas = []
    for size in ("tiny", "", "huge"):
        picture = draw(Subject(shape="circle", colour="black", background="white", size=size), Random(0))
        areas.append(sum(picture.convert("L").histogram()[:128]))
    assert areas == sorted(areas)
    assert areas[2] > 8 * areas[0]
