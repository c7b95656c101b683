"""Who is known, and what of it they get to read: everything about them, as a file."""

import asyncio
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from engine.errors import StorageError
from storage.accounts import find_id, head_of, members_of, person_id
from storage.asking import Asking
from storage.changes import Act, Ban, Link, Set
from storage.exporting import Part
from storage.records import State
from storage.secret import KEY_NAME, Secret, keep_secret
from storage.statements import Writing
from storage.store import Store, open_store
from tests.fakes import remembered


@pytest.fixture
async def store(tmp_path: Path) -> AsyncIterator[Store]:
    async with open_store(tmp_path / "data", clock=lambda: remembered.NOW_S) as opened:
        yield opened


async def test_an_account_gets_one_row(store: Store) -> None:
    """Made once; only who comes themselves is renamed and seen, and no name takes none away."""

    async def step(writing: Writing) -> list[Any]:
        ids = [
            await person_id(writing, "discord:1", name, now)
            for name, now in ((None, 5), ("Ada", 7), (None, 9), ("", 11))
        ]
        return [*ids, await writing.row("SELECT owner, name, first_ms, last_ms FROM people")]

    assert await store.database.write(step) == [1, 1, 1, 1, ("discord:1", "Ada", 5, 11)]


async def test_who_was_forgotten_gets_their_row_again(store: Store) -> None:
    """By the hash of the account; also where somebody else names them."""
    secret = Secret(b"k" * 32)

    async def step(writing: Writing) -> list[Any]:
        await writing.rows(
            "INSERT INTO people (owner, name, first_ms, last_ms) VALUES (:owner, '', 1, 1)",
            owner=secret.hash_of("discord:1"),
        )
        seen = await find_id(writing, "discord:1", secret.hash_of)
        row = await person_id(writing, "discord:1", None, 5, secret.hash_of)
        return [
            seen, row, await find_id(writing, "discord:1"), await find_id(writing, "discord:2", secret.hash_of),
            await head_of(writing, row), await members_of(writing, row), await members_of(writing, 77),
        ]  # fmt: skip

    assert await store.database.write(step) == [1, 1, 1, None, 1, (1,), ()]


def test_the_hash_needs_the_key() -> None:
    """Another folder gives other hashes, and no key is ever shown."""
    one, other = Secret(b"a" * 32), Secret(b"b" * 32)
    assert one.hash_of("discord:1") == one.hash_of("discord:1") != other.hash_of("discord:1")
    assert "discord" not in one.hash_of("discord:1")
    assert "aaaa" not in repr(one)


@pytest.mark.parametrize("content", [b"", b"short", b"x" * 33])
def test_a_damaged_key_is_a_sentence(tmp_path: Path, content: bytes) -> None:
    """It is not made anew by itself: those it banned would be free."""
    (tmp_path / KEY_NAME).write_bytes(content)
    with pytest.raises(StorageError, match="is damaged"):
        keep_secret(tmp_path)
    assert (tmp_path / KEY_NAME).read_bytes() == content


def test_a_key_that_cannot_be_kept_is_a_sentence(tmp_path: Path) -> None:
    """A folder in its place, or no folder at all."""
    (tmp_path / KEY_NAME).mkdir()
    with pytest.raises(StorageError, match="cannot be read"):
        keep_secret(tmp_path)
    with pytest.raises(StorageError, match="cannot be written"):
        keep_secret(tmp_path / "nowhere")


# Export


async def _live(store: Store) -> tuple[str, str]:
    """Ada on two platforms, and Bob, who banned her; returns her requests."""
    ids: list[str] = []
    for account in ("discord:1", "telegram:2", "web:bob"):
        new = replace(remembered.request(owner=account, words=f"/imagine for {account}"), asker=account)
        what = remembered.recipe(f"prompt of {account}", seed=len(ids))
        source = await store.pictures.put(f"source of {account}".encode(), "image/jpeg")
        job = replace(remembered.job(new, what=what, source_file=source), cost=1.0)
        await store.requests.add(new, [job], Asking(account=account, place=new.place, is_exempt=True))
        await store.requests.finish_job(job.id, [await remembered.picture(store.pictures, 1, what)], 1.5)
        await store.requests.end(new.id, State.DONE, "")
        ids.append(new.id)
    act = Act(
        event_key="e:1", actor="web:bob", actor_name="Bob", place="discord:9", act="ban", answer="",
        target="discord:1", words="for spam",
        changes=(
            Link(head="discord:1", account="telegram:2"), Set(subject="account:discord:1", key="size", value="512"),
            Ban(account="discord:1", place="discord:9", reason="spam", until_s=None),
        ),
    )  # fmt: skip
    await store.acts.do(act)
    return ids[0], ids[1]


def _opened(path: Path) -> tuple[Any, dict[str, bytes]]:
    with zipfile.ZipFile(path) as archive:
        assert archive.testzip() is None
        files = {name: archive.read(name) for name in archive.namelist()}
    return json.loads(files.pop("darkroom.json")), files


async def test_the_export_holds_everything_and_nobody_else(store: Store, tmp_path: Path) -> None:
    """All linked accounts, words and files; not a word about others but that somebody acted."""
    first, second = await _live(store)
    made = await store.exporting.export("telegram:2", tmp_path / "papers")
    about, files = await asyncio.to_thread(_opened, made)
    assert made.stat().st_mode & 0o777 == 0o600
    assert [each["account"] for each in about["accounts"]] == ["discord:1", "telegram:2"]
    assert about["accounts"][0]["settings"] == {"size": "512"}
    assert about["bans"][0]["reason"] == "spam"
    assert (about["acts"][0]["words"], about["acts"][0]["was_by_you"]) == ("for spam", False)
    assert [charge["standard_pictures"] for charge in about["quota"]] == [1.0, 1.0]
    assert [each["id"] for each in about["requests"]] == [first, second]
    assert about["requests"][0]["words"] == "/imagine for discord:1"
    assert about["requests"][1]["pictures"][0]["recipe"]["prompt"] == "prompt of telegram:2"
    assert files[f"pictures/{first}.1.png"] == b"file of prompt of discord:1 0"
    assert {name.rsplit(".", 1)[-1] for name in files} == {"png", "jpeg"}
    assert len(files) == 4
    assert "bob" not in json.dumps(about).lower()
    assert [each.name for each in (tmp_path / "papers").iterdir()] == [made.name]


async def test_the_export_of_many_is_read_a_little_at_a_time(store: Store, tmp_path: Path) -> None:
    """More than one reading; a file that was pruned is left out."""
    for number in range(120):
        await store.requests.add(remembered.request(words=f"/imagine {number}"), [])
    picture = await remembered.drawn(store, remembered.recipe("cat"))
    (row,) = await store.history.pictures_of(picture)
    assert row.file_hash
    await asyncio.to_thread(store.pictures.path(row.file_hash).unlink)
    about, files = await asyncio.to_thread(_opened, await store.exporting.export(remembered.OWNER, tmp_path))
    assert [each["words"] for each in about["requests"]] == [*(f"/imagine {number}" for number in range(120)), "cat"]
    assert files == {}


async def test_the_export_comes_in_parts_where_files_may_only_be_so_large(store: Store, tmp_path: Path) -> None:
    """The words first; every picture in one part, none of them larger; what fits nowhere is counted."""
    await store.requests.add(remembered.request(words="/imagine all"), [])
    names = set()
    for number, kib in enumerate((3, 3, 3, 3, 3, 12)):
        what = remembered.recipe(f"picture {number} " + "x" * 1_000)
        new = remembered.request(words=f"/imagine {number}")
        await store.requests.add(new, [remembered.job(new, what=what)])
        picture = await remembered.picture(store.pictures, 1, what)
        large = await store.pictures.put(f"{number}".encode() * kib * 2**10, "image/png")
        await store.requests.finish_job(f"{new.id}-1", [replace(picture, file_hash=large)], 1.0)
        names.add(f"pictures/{new.id}.1.png")

    async def part(number: int) -> tuple[Part | None, list[str]]:
        made = await store.exporting.export_part(remembered.OWNER, tmp_path / "papers", number, 10 * 2**10)
        if made is None:
            return None, []
        assert made.path.stat().st_size <= 10 * 2**10
        with zipfile.ZipFile(made.path) as archive:
            assert archive.testzip() is None
            return made, archive.namelist()

    first, words = await part(1)
    assert first
    assert (first.n_parts, first.n_too_large, words) == (4, 1, ["darkroom.json"])
    found = [name for number in (2, 3, 4) for name in (await part(number))[1]]
    assert len(found) == len(set(found)) == 5
    assert set(found) < names
    assert [(await part(number))[0] for number in (0, 5)] == [None, None]


async def test_an_export_that_fits_is_one_file(store: Store, tmp_path: Path) -> None:
    """Words and pictures; also of somebody nobody has seen."""
    first, _second = await _live(store)
    made = await store.exporting.export_part("telegram:2", tmp_path, 1, 10 * 2**20)
    assert made
    assert (made.n_parts, made.n_too_large) == (1, 0)
    about, files = await asyncio.to_thread(_opened, made.path)
    assert about["requests"][0]["id"] == first
    assert len(files) == 4
    nobody = await store.exporting.export_part("discord:404", tmp_path, 1, 10 * 2**20)
    assert nobody
    assert nobody.n_parts == 1


async def test_the_export_of_nobody_says_so(store: Store, tmp_path: Path) -> None:
    """Valid, and empty."""
    about, files = await asyncio.to_thread(_opened, await store.exporting.export("discord:404", tmp_path))
    assert (about["accounts"], about["requests"], files) == ([], [], {})


async def test_an_export_that_cannot_be_written_leaves_nothing(store: Store, tmp_path: Path) -> None:
    """A sentence, and no half of a file."""
    (tmp_path / "papers").write_bytes(b"a file where the folder should be")
    with pytest.raises(StorageError, match="cannot be written"):
        await store.exporting.export("discord:1", tmp_path / "papers")
