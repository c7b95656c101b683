"""What is known of us outside: shared pictures, files that a chat has, places that move."""

import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import pytest

from storage.changes import Act, Set
from storage.store import Store, open_store
from tests.fakes import remembered
from tests.fakes.remembered import OWNER


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path) as opened:
        yield opened


async def test_a_picture_is_shared_until_it_is_not_or_is_gone(store: Store) -> None:
    """One picture, not its neighbours; and sharing what is not there shares nothing."""
    request = await remembered.drawn(store, remembered.recipe("one"), remembered.recipe("two"))
    await store.abroad.share(request, 2)
    assert [await store.abroad.is_shared(request, number) for number in (1, 2, 3)] == [False, True, False]
    await store.abroad.share(request, 2, is_shared=False)
    assert not await store.abroad.is_shared(request, 2)
    await store.abroad.share(request, 1)
    await store.requests.delete(request)
    assert not await store.abroad.is_shared(request, 1)
    await store.abroad.share("zzzzzzzzz9", 1)
    assert not await store.abroad.is_shared("zzzzzzzzz9", 1)


async def test_a_chat_has_the_file_of_a_picture(store: Store) -> None:
    """The newest name of it, for who asks with the right prefix; gone with the picture."""
    request = await remembered.drawn(store, remembered.recipe("one"), remembered.recipe("two"))
    names = [f"{request}.1", f"{request}.2", "k3f9m2q7xa.1", "no name"]
    await store.abroad.note_sent(names[0], "telegram:1:old")
    await store.abroad.note_sent(names[0], "telegram:1:new")
    await store.abroad.note_sent("no name", "telegram:1:nothing")
    assert await store.abroad.sent(names, "telegram:1:") == {names[0]: "telegram:1:new"}
    assert await store.abroad.sent(names, "telegram:2:") == {}
    assert await store.abroad.sent([], "telegram:1:") == {}
    await store.requests.delete(request)
    assert await store.abroad.sent(names, "telegram:1:") == {}


@pytest.mark.parametrize("is_new_known", [False, True])
async def test_a_place_that_moves_takes_everything_along(store: Store, is_new_known: bool) -> None:
    """What was set and what was drawn there; also where somebody asked in the new one already; twice does no harm."""
    old = replace(remembered.request(), place="chat:-1")
    await store.requests.add(old, [remembered.job(old)])
    if is_new_known:
        new = replace(remembered.request(), place="chat:-100")
        await store.requests.add(new, [remembered.job(new)])
    changes = (Set(subject="place:chat:-1", key="allowed", value="yes"),)
    await store.acts.do(
        Act(event_key="e1", actor=OWNER, actor_name="Ann", place="chat:-1", act="allow", answer="", changes=changes)
    )
    for _ in range(2):
        await store.abroad.move_place("chat:-1", "chat:-100")
    await store.abroad.move_place("chat:-100", "chat:-100")
    found = await store.requests.find(old.id)
    assert found
    assert found.place == "chat:-100"
    assert await store.tuning.values(["place:chat:-1", "place:chat:-100"]) == {"place:chat:-100": {"allowed": "yes"}}


async def test_what_was_shared_is_told_to_its_owner(store: Store, tmp_path: Path) -> None:
    """It stands in /mydata."""
    request = await remembered.drawn(store, remembered.recipe("one"))
    await store.abroad.share(request, 1)
    with zipfile.ZipFile(await store.exporting.export(OWNER, tmp_path)) as archive:
        told = json.loads(archive.read("darkroom.json"))
    assert told["requests"][0]["pictures"][0]["shared"]
