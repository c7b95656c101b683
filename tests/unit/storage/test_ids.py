import pytest

from storage.ids import is_request_id, new_request_id, picture_name, read_picture_name


def test_ids_have_ten_letters_that_can_be_read_out() -> None:
    """And each is another."""
    made = {new_request_id() for _ in range(1_000)}
    assert len(made) == 1_000
    assert all(is_request_id(each) for each in made)
    assert not set("".join(made)) & set("ilou")


@pytest.mark.parametrize(
    "words", ["", "k3f9m2q7x", "k3f9m2q7xaa", "K3F9M2Q7XA", "k3f9m2q7xl", "k3f9m2q7x\n", "k3f9m2q7x\ud800"]
)
def test_other_words_are_no_id(words: str) -> None:
    """Too short, too long, capitals, a letter that is none, what is no text."""
    assert not is_request_id(words)
    assert read_picture_name(words) is None


def test_a_picture_is_named_by_its_request_and_number() -> None:
    """The bare request is its first picture, 0 the grid."""
    assert picture_name("k3f9m2q7xa", 2) == "k3f9m2q7xa.2"
    assert read_picture_name("k3f9m2q7xa.2") == ("k3f9m2q7xa", 2)
    assert read_picture_name("k3f9m2q7xa") == ("k3f9m2q7xa", 1)
    assert read_picture_name("k3f9m2q7xa.0") == ("k3f9m2q7xa", 0)


@pytest.mark.parametrize("words", ["k3f9m2q7xa.", "k3f9m2q7xa.-1", "k3f9m2q7xa.٣", "k3f9m2q7xa.100", "k3f9m2q7xa.1.1"])
def test_other_words_name_no_picture(words: str) -> None:
    """Numbers that are none."""
    assert read_picture_name(words) is None
