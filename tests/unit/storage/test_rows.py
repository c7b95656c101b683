from storage.records import PictureRow
from storage.rows import clean, hash_bytes, ms, picture_row, readable, recipe_json
from tests.fakes.remembered import hash_of, recipe


def row(stored_recipe: str, file: bytes | None = b"\x01" * 32) -> tuple[object, ...]:
    return (
        *("k3f9m2q7xa", 2, "k3f9m2q7xa-1", "web:ann", "web:page", stored_recipe, "", None, b"\x02" * 32, file),
        *(b"\x03" * 32, None, 64, 64, 1.5, 1_800_000_000_250),
    )


def test_a_row_becomes_the_picture_it_was() -> None:
    """Seconds, hex and the recipe, checked."""
    found = picture_row(row(recipe_json(recipe())))
    assert (found.name, found.created_s, found.pixel_hash) == ("k3f9m2q7xa.2", 1_800_000_000.25, "02" * 32)
    assert found.recipe == recipe()
    assert found.is_kept


def test_a_pruned_file_is_none() -> None:
    """The picture is still there."""
    assert not picture_row(row(recipe_json(recipe()), file=None)).is_kept


def test_a_recipe_that_no_longer_decodes_costs_its_own_row_only() -> None:
    """Out of a bound of today, of another shape, or no JSON."""
    good = row(recipe_json(recipe()))
    bad = [row(recipe_json(recipe()).replace('"steps":20', '"steps":100000')), row("{}"), row("nonsense")]
    found: tuple[PictureRow, ...] = readable(picture_row, [good, *bad, good])
    assert len(found) == 2


def test_times_are_whole_milliseconds() -> None:
    """Rounded, not cut."""
    assert ms(1.0006) == 1_001


def test_half_characters_do_not_reach_the_database() -> None:
    """Chats send them in broken emoji."""
    assert clean("a\ud83db") == "a?b"
    assert clean("👩‍🚀") == "👩‍🚀"


def test_what_is_no_hash_is_a_hash_of_nothing() -> None:
    """So it is simply not found."""
    assert hash_bytes("../../etc") == b""
    assert len(hash_bytes(hash_of("x"))) == 32
