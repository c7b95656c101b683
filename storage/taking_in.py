"""The inserts of a request, its jobs and its pictures, to be run inside a transaction.

Knows nothing of states or limits.
"""

from collections.abc import Iterable, Sequence

from storage.records import NewJob, NewPicture, NewRequest
from storage.rows import clean, hash_bytes, ms, recipe_json
from storage.statements import Values, Writing
from storage.words import tokens_of


async def place_id(writing: Writing, place: str, now_ms: int) -> int:
    """The row of a place, made where it is new; its last visit renewed."""
    return int(
        await writing.value(
            "INSERT INTO places (place, first_ms, last_ms) VALUES (:place, :now, :now) "
            "ON CONFLICT (place) DO UPDATE SET last_ms = excluded.last_ms RETURNING id",
            place=clean(place),
            now=now_ms,
        )
    )


async def request(writing: Writing, new: NewRequest, person: int, now_ms: int) -> int:
    """A request of the account whose row is `person`, with its place where that is new; returns its number."""
    return int(
        await writing.value(
            "INSERT INTO requests (id, event_key, person, place, reply_to, asker, kind, words, parent, state, "
            "sentence, created_ms, ended_ms) VALUES (:id, :event_key, :person, :place, :reply_to, :asker, :kind, "
            ":words, :parent, :state, :sentence, :created_ms, "
            "iif(:state IN ('offered', 'waiting'), NULL, :created_ms)) RETURNING no",
            id=new.id,
            event_key=clean(new.event_key),
            person=person,
            place=await place_id(writing, new.place, now_ms),
            reply_to=clean(new.reply_to),
            asker=clean(new.asker),
            kind=clean(new.kind),
            words=clean(new.words),
            parent=None if new.parent is None else clean(new.parent),
            state=str(new.state),
            sentence=clean(new.sentence),
            created_ms=ms(new.created_s),
        )
    )


async def jobs(writing: Writing, new: NewRequest, jobs: Sequence[NewJob]) -> None:
    """Its jobs, in its state. A source file that was never put is refused."""
    await writing.run_many(
        "INSERT INTO jobs (id, request, ordinal, first_number, label, recipe, n_pictures, source, source_pixels, "
        "treatment, state, cost) VALUES (:id, (SELECT no FROM requests WHERE id = :request), :ordinal, :first_number, "
        ":label, :recipe, :n_pictures, iif(:source IS NULL, NULL, "
        "coalesce((SELECT id FROM files WHERE hash = :source), -1)), :source_pixels, :treatment, :state, "
        ":cost)",
        [_job_values(new, job) for job in jobs],
    )
    await claim(writing, [job.source_file for job in jobs])


async def pictures(
    writing: Writing, job_no: int, request_no: int, pictures: Sequence[NewPicture], gpu_s: float, now_ms: int
) -> None:
    """Pictures of a job into the history and the search, and onto their person's account."""
    whose = await writing.row("SELECT person, place FROM requests WHERE no = :no", no=request_no)
    assert whose, "a job's request is there: the foreign key says so"
    person, place = whose
    for new in pictures:
        picture = await writing.value(
            "INSERT INTO pictures (request, job, number, person, place, recipe, label, treatment, pixel_hash, file, "
            "thumbnail, animation, width_px, height_px, gpu_s, created_ms) VALUES (:request, :job, :number, :person, "
            ":place, :recipe, :label, :treatment, :pixel_hash, (SELECT id FROM files WHERE hash = :file), "
            "(SELECT id FROM files WHERE hash = :thumbnail), iif(:animation IS NULL, NULL, "
            "coalesce((SELECT id FROM files WHERE hash = :animation), -1)), :width_px, :height_px, :gpu_s, :now_ms) "
            "RETURNING id",
            request=request_no,
            job=job_no,
            person=person,
            place=place,
            now_ms=now_ms,
            **_picture_values(new),
        )
        await writing.rows(
            "INSERT INTO search (rowid, tokens) VALUES (:picture, :tokens)",
            picture=picture,
            tokens=tokens_of(person, new.recipe.prompt, new.recipe.negative, new.recipe.seed),
        )
        await claim(writing, [new.file_hash, new.thumbnail_hash, new.animation_hash])
    await writing.rows(
        "UPDATE people SET n_pictures = n_pictures + :n, gpu_s = gpu_s + :gpu_s WHERE id = :person",
        person=person,
        n=len(pictures),
        gpu_s=gpu_s,
    )


async def claim(writing: Writing, hashes: Iterable[str | None]) -> None:
    """Something refers to these files now: one put of each has been for that."""
    await writing.run_many(
        "UPDATE files SET n_unclaimed = max(0, n_unclaimed - 1), put_for = iif(n_unclaimed > 1, put_for, NULL) "
        "WHERE hash = :hash",
        [{"hash": hash_bytes(each)} for each in hashes if each],
    )


def _job_values(new: NewRequest, job: NewJob) -> Values:
    source = job.recipe.source
    return {
        "id": job.id,
        "request": new.id,
        "ordinal": job.ordinal,
        "first_number": job.first_number,
        "label": clean(job.label),
        "recipe": recipe_json(job.recipe),
        "n_pictures": job.n_pictures,
        "source": _maybe_hash(job.source_file),
        # what is only enlarged is another file than what its recipe began with
        "source_pixels": hash_bytes(source.sha256) if source and not job.treatment else None,
        "treatment": job.treatment,
        "state": str(new.state),
        "cost": job.cost,
    }


def _picture_values(new: NewPicture) -> dict[str, object]:
    return {
        "number": new.number,
        "recipe": recipe_json(new.recipe),
        "label": clean(new.label),
        "treatment": new.treatment,
        "pixel_hash": hash_bytes(new.pixel_hash),
        "file": hash_bytes(new.file_hash),
        "thumbnail": hash_bytes(new.thumbnail_hash),
        "animation": _maybe_hash(new.animation_hash),
        "width_px": new.width_px,
        "height_px": new.height_px,
        "gpu_s": new.gpu_s,
    }


def _maybe_hash(file_hash: str | None) -> bytes | None:
    return None if file_hash is None else hash_bytes(file_hash)
