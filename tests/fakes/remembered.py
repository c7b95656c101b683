"""Requests, jobs and pictures to store, with everything filled in that a test does not care about."""

import hashlib

from engine.domain import Recipe, Sampler, Source
from storage.ids import new_request_id
from storage.pictures import PictureFiles
from storage.records import NewJob, NewPicture, NewRequest, State
from storage.store import Store

OWNER = "web:ann"
NOW_S = 1_800_000_000.25


def hash_of(words: str) -> str:
    """Any hash, the same for the same words."""
    return hashlib.sha256(words.encode()).hexdigest()


def recipe(prompt: str = "a red circle", *, negative: str = "", seed: int = 7, source: Source | None = None) -> Recipe:
    """A small one."""
    return Recipe(
        prompt=prompt,
        negative=negative,
        model="pocket",
        seed=seed,
        steps=20,
        guidance=7.5,
        sampler=Sampler.EULER,
        width_px=64,
        height_px=64,
        source=source,
    )


def request(
    *,
    request_id: str = "",
    key: str = "",
    owner: str = OWNER,
    words: str = "/imagine a red circle",
    state: State = State.WAITING,
    created_s: float = NOW_S,
) -> NewRequest:
    """What somebody asked; a new id and key unless told."""
    request_id = request_id or new_request_id()
    return NewRequest(
        id=request_id,
        event_key=key or f"w:{request_id}",
        owner=owner,
        place="web:page",
        reply_to=f"message {request_id}",
        asker="Ann",
        kind="imagine",
        words=words,
        state=state,
        created_s=created_s,
    )


def job(of: NewRequest, ordinal: int = 1, *, what: Recipe | None = None, source_file: str | None = None) -> NewJob:
    """A job of one picture, whose number is its ordinal."""
    return NewJob(
        id=f"{of.id}-{ordinal}",
        request=of.id,
        ordinal=ordinal,
        first_number=ordinal,
        label="",
        recipe=what or recipe(),
        n_pictures=1,
        source_file=source_file,
    )


async def picture(files: PictureFiles, number: int, what: Recipe, *, is_animated: bool = False) -> NewPicture:
    """A picture whose files have been put; they differ with the recipe."""
    said = f"{what.prompt} {what.seed}".encode()
    return NewPicture(
        number=number,
        recipe=what,
        label="",
        treatment=None,
        pixel_hash=hash_of(f"pixels of {what.prompt} {what.seed}"),
        file_hash=await files.put(b"file of " + said, "image/png"),
        thumbnail_hash=await files.put(b"thumbnail of " + said, "image/webp"),
        animation_hash=await files.put(b"animation of " + said, "image/webp") if is_animated else None,
        width_px=64,
        height_px=64,
        gpu_s=1.5,
    )


async def drawn(
    store: Store, *recipes: Recipe, owner: str = OWNER, is_animated: bool = False, created_s: float = NOW_S
) -> str:
    """A request that went all the way, one picture for each recipe; returns its id."""
    new = request(owner=owner, created_s=created_s, words=" ".join(each.prompt for each in recipes))
    jobs = [job(new, ordinal, what=each) for ordinal, each in enumerate(recipes, 1)]
    await store.requests.add(new, jobs)
    for one in jobs:
        finished = await picture(store.pictures, one.ordinal, one.recipe, is_animated=is_animated)
        assert await store.requests.finish_job(one.id, [finished], 1.5)
    await store.requests.end(new.id, State.DONE, "")
    return new.id
