import sqlite3
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from storage import migrate
from storage.history import MOST_COUNTED
from storage.statements import Writing
from storage.store import Store, open_store
from storage.words import match_for, tokens_of
from tests.fakes import remembered
from tests.fakes.remembered import OWNER


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as opened:
        yield opened


async def test_pictures_come_newest_first_and_page_by_page(store: Store) -> None:
    """By cursor and by page number, with and without words, without gaps or doubles."""
    for number in range(7):
        await remembered.drawn(
            store, remembered.recipe(f"a boat {number}"), remembered.recipe(f"the sea {number}", seed=number)
        )
    everything = await store.history.search(OWNER, "", None, 99)
    assert [each.recipe.prompt for each in everything[:3]] == ["the sea 6", "a boat 6", "the sea 5"]
    assert await store.history.newest(OWNER) == everything[0]
    for words, found in (("", everything), ("boat", everything[1::2])):
        by_cursor = list(await store.history.search(OWNER, words, None, 3))
        while more := await store.history.search(OWNER, words, by_cursor[-1], 3):
            by_cursor += more
        by_page = [each for page in range(1, 6) for each in await store.history.page(OWNER, words, page, 3)]
        assert by_cursor == by_page == list(found)
        assert await store.history.count(OWNER, words) == len(found)


async def test_nobody_finds_anything_of_somebody_else(store: Store) -> None:
    """By no words, common words, seeds, or tokens typed as they are stored."""
    await remembered.drawn(store, remembered.recipe("a red circle", seed=4242))
    await remembered.drawn(store, remembered.recipe("a blue circle", seed=5), owner="web:bob")
    for words in ("", "red", "4242", "1_red", '" OR "1_red'):
        found = await store.history.search("web:bob", words, None, 99)
        assert {each.owner for each in found} <= {"web:bob"}
        assert await store.history.count("web:bob", words) == len(found)
    assert await store.history.search("web:nobody", "red", None, 99) == ()
    assert await store.history.newest("web:nobody") is None
    assert await store.history.totals("web:nobody") == (0, 0.0)


async def test_search_takes_all_words_in_prompt_negative_and_seed(store: Store) -> None:
    """As beginnings, in any order, in any script."""
    request_id = await remembered.drawn(store, remembered.recipe("Ein Café 黒い猫 🎉", negative="blurry", seed=4242))
    for words in ("caf ein", "blur CAFÉ", "4242", "黒い", "猫", "🎉 café", "ein, ein! EIN"):
        assert [each.request for each in await store.history.search(OWNER, words, None, 9)] == [request_id], words
    for words in ("cafés", "ein hund", "424", "猫黒", "🎈"):
        assert await store.history.search(OWNER, words, None, 9) == (), words


HOSTILE = (
    *(
        '"',
        "'",
        "AND",
        "a AND OR NOT NEAR(",
        "red*",
        "^red",
        "tokens:red",
        "-red",
        "\x00red\x00",
        "\ud800red",
        "%_[]{}",
    ),
    *(
        "(" * 5_000,
        "red " * 25_000,
        "x" * 100_000,
        " ".join(f"w{number}" for number in range(15_000)),
        "\u202ered\u2066",
    ),
)


@pytest.mark.parametrize("words", HOSTILE, ids=range(len(HOSTILE)))
async def test_no_text_is_a_syntax_error(store: Store, words: str) -> None:
    """Operators are words, control characters are none, and 100,000 characters take no long time."""
    await remembered.drawn(store, remembered.recipe("a red circle and or not near"))
    assert len(await store.history.search(OWNER, words, None, 9)) <= 1
    assert await store.history.count(OWNER, words) <= 1
    assert len(await store.history.page(OWNER, words, 1, 9)) <= 1


@settings(deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.text(st.characters(codec=None), max_size=60), st.text(max_size=60))
def test_sqlite_finds_what_a_walk_over_the_words_finds(searched: str, prompt: str) -> None:
    """For any two texts: the index splits its tokens just where we do."""
    connection = sqlite3.connect(":memory:")
    try:
        for _, file in sorted(migrate.migrations().items()):
            connection.executescript(file.read_text())
        tokens = tokens_of(1, prompt, "", 7)
        connection.execute("INSERT INTO search (rowid, tokens) VALUES (5, ?)", (tokens,))
        for text in (searched, prompt):
            match = match_for(1, text)
            if match is None:
                continue
            found = connection.execute("SELECT rowid FROM search WHERE search MATCH ?", (match,)).fetchall()
            is_in = all(term.strip('"') in tokens.split(" ") for term in match.split(" AND "))
            assert found == ([(5,)] if is_in else [])
    finally:
        connection.close()


@pytest.mark.parametrize("page", [-1, 0, 1, 2, 10**9, 2**70])
async def test_any_page_number_is_an_answer(store: Store, page: int) -> None:
    """Before the first is the first; after the last is nothing."""
    await remembered.drawn(store, remembered.recipe())
    assert len(await store.history.page(OWNER, "", page, 24)) == (1 if page <= 1 else 0)
    assert len(await store.history.page(OWNER, "red", page, 24)) == (1 if page <= 1 else 0)


async def test_a_picture_that_is_gone_is_the_end_of_the_list(store: Store) -> None:
    """A cursor that was deleted meanwhile finds nothing rather than everything again."""
    await remembered.drawn(store, remembered.recipe())
    request_id = await remembered.drawn(store, remembered.recipe())
    (cursor,) = await store.history.pictures_of(request_id)
    await store.requests.delete(request_id)
    assert await store.history.search(OWNER, "", cursor, 9) == ()


async def test_the_file_of_some_pixels_is_found_while_it_is_kept(store: Store) -> None:
    """To start from it again."""
    request_id = await remembered.drawn(store, remembered.recipe())
    (picture,) = await store.history.pictures_of(request_id)
    assert await store.history.file_of_pixels(picture.pixel_hash) == picture.file_hash
    assert await store.history.file_of_pixels(remembered.hash_of("other")) is None
    assert await store.history.file_of_pixels("no hash") is None
    await store.pictures.prune(0)
    assert await store.history.file_of_pixels(picture.pixel_hash) is None


async def _link(store: Store, head: str | None, account: str) -> None:
    async def step(writing: Writing) -> None:
        await writing.rows(
            "UPDATE people SET head = (SELECT id FROM people WHERE owner = :head) WHERE owner = :account",
            head=head,
            account=account,
        )

    await store.database.write(step)


async def test_linked_accounts_have_one_history_and_part_with_their_own(store: Store) -> None:
    """Merged newest first, by cursor and by page, with and without words; nothing of others, nothing lost."""
    accounts = (OWNER, "discord:1", "telegram:2")
    for number in range(12):
        words = f"{'boat' if number % 2 else 'sea'} {number}"
        await remembered.drawn(store, remembered.recipe(words, seed=number), owner=accounts[number % 3])
    await remembered.drawn(store, remembered.recipe("boat of bob"), owner="web:bob")
    for account in accounts[1:]:
        await _link(store, OWNER, account)
    newest = await store.history.newest(OWNER)
    assert newest
    for account in accounts:
        everything = await store.history.search(account, "", None, 99)
        assert [each.recipe.seed for each in everything] == list(range(11, -1, -1))
        assert {each.owner for each in everything} == {OWNER}
        assert await store.history.newest(account) == everything[0] == newest
        assert await store.history.totals(account) == (12, 18.0)
        for words, found in (("", everything), ("boat", everything[::2])):
            by_cursor = list(await store.history.search(account, words, None, 2))
            while more := await store.history.search(account, words, by_cursor[-1], 2):
                by_cursor += more
            by_page = [each for page in range(1, 9) for each in await store.history.page(account, words, page, 2)]
            assert by_cursor == by_page == list(found)
            assert await store.history.count(account, words) == len(found) <= MOST_COUNTED
    request = await store.requests.find(newest.request)
    assert request
    assert (request.owner, request.account) == (OWNER, "telegram:2")
    await _link(store, None, "telegram:2")
    assert [each.recipe.seed for each in await store.history.search("telegram:2", "", None, 99)] == [11, 8, 5, 2]
    assert await store.history.count(OWNER, "") == 8
