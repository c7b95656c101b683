"""The front with a real child process behind a real pipe: what is drawn, in which order, and what is told meanwhile."""

import asyncio
from collections.abc import AsyncGenerator

import pytest

from engine.cost import SpeedBook
from engine.domain import Cancelled, Done, Event, Failed, Job, Loading, Lost, Outcome, Progress, Waiting
from engine.engine import Engine
from engine.errors import EngineError, UserError
from tests.fakes.drawer import pixels
from tests.fakes.engines import SLOW, events_of, job, n_ready, running_engine, settings, until, watch_until


async def completion_order(engine: Engine, *job_ids: str) -> list[str]:
    """The ids in the order in which their jobs end."""
    order: list[str] = []

    async def note(job_id: str) -> None:
        await engine.result(job_id)
        order.append(job_id)

    await asyncio.gather(*map(note, job_ids))
    return order


async def test_a_job_comes_back_as_the_picture_of_its_recipe() -> None:
    """One job, one picture: the pixels of its recipe, and the seconds it used."""
    async with running_engine() as engine:
        asked = job("j")
        await engine.submit(asked)
        outcome = await engine.result("j")
    assert isinstance(outcome, Done)
    (picture,) = outcome.pictures
    assert (picture.index, picture.recipe, picture.raster) == (0, asked.recipe, pixels(asked.recipe))
    assert outcome.gpu_s > 0


async def test_picture_i_has_the_recipe_with_seed_plus_i() -> None:
    """Several pictures come in order, each with the recipe that draws it alone."""
    async with running_engine() as engine:
        asked = job("j", n_pictures=4)
        await engine.submit(asked)
        outcome = await engine.result("j")
    assert isinstance(outcome, Done)
    assert [picture.recipe for picture in outcome.pictures] == [asked.recipe_of(index) for index in range(4)]
    assert [picture.raster for picture in outcome.pictures] == [pixels(asked.recipe_of(index)) for index in range(4)]


async def test_a_job_is_told_from_its_place_to_its_one_outcome() -> None:
    """Waiting, loading and steps come in this order, steps only grow, and one outcome is the last word."""
    async with running_engine("--load-s", "0.5", most_jobs_in_worker=1) as engine:
        await engine.submit(job("first"))
        await engine.submit(job("j", model="another"))
        events = await events_of(engine, "j")
    kinds = [type(event) for event in events]
    assert [kind for n, kind in enumerate(kinds) if kind not in kinds[:n]] == [Waiting, Progress, Loading, Done]
    steps = [event.step for event in events if isinstance(event, Progress)]
    assert steps == sorted(steps)
    assert steps[-1] <= 8
    assert sum(isinstance(event, Outcome) for event in events) == 1


async def test_previews_arrive_while_it_is_drawn() -> None:
    """Each picture of a job is seen before it is done, small."""
    async with running_engine("--preview-every", "1") as engine:
        await engine.submit(job("j", n_pictures=2))
        events = await events_of(engine, "j")
    seen = [raster for event in events if isinstance(event, Progress) for raster in event.previews.values()]
    assert seen
    assert {(raster.width_px, raster.height_px) for raster in seen} == {(8, 8)}


async def test_everybody_waiting_knows_a_true_position() -> None:
    """Positions count the jobs that go first, over all owners, and change when one leaves."""
    async with running_engine(*SLOW, most_jobs_in_worker=1) as engine:
        for n in range(3):
            await engine.submit(job(f"a{n}"))
        await engine.submit(job("b0", owner="bob"))
        watches = {job_id: engine.watch(job_id) for job_id in ("a1", "a2", "b0")}
        told = {job_id: await anext(watch) for job_id, watch in watches.items()}
        assert told == {
            "b0": Waiting(position=1, wait_s=None),
            "a1": Waiting(position=2, wait_s=None),
            "a2": Waiting(position=3, wait_s=None),
        }
        await engine.cancel("a1")
        assert await anext(watches["a2"]) == Waiting(position=2, wait_s=None)


async def test_a_wait_is_estimated_from_what_ran() -> None:
    """Once a model has run here, who waits for it is told how long: twice as long with two jobs ahead as with one."""
    async with running_engine("--step-s", "0.2", most_jobs_in_worker=1) as engine:
        await engine.submit(job("first", steps=1))
        await engine.result("first")
        for job_id in ("running", "next", "last"):
            await engine.submit(job(job_id, steps=100))
        following, last = await anext(engine.watch("next")), await anext(engine.watch("last"))
        for running in ("running", "next", "last"):
            await engine.cancel(running)
    assert isinstance(following, Waiting)
    assert isinstance(last, Waiting)
    assert following.wait_s
    assert last.wait_s == pytest.approx(2 * following.wait_s, rel=0.1)


async def test_owners_take_turns() -> None:
    """Six jobs of one owner, sent first, delay another's by the one that already runs."""
    async with running_engine(most_jobs_in_worker=1) as engine:
        for n in range(6):
            await engine.submit(job(f"a{n}"))
        await engine.submit(job("b0", owner="bob"))
        order = await completion_order(engine, *(f"a{n}" for n in range(6)), "b0")
    assert order == ["a0", "b0", "a1", "a2", "a3", "a4", "a5"]


async def test_a_newcomer_enters_past_a_full_window() -> None:
    """A worker that has its fill of one owner's jobs still takes the first job of another."""
    async with running_engine(*SLOW) as engine:
        for n in range(9):
            await engine.submit(job(f"a{n}"))
        assert (engine.status().n_running, engine.status().n_waiting) == (8, 1)  # 16 rows are two batches of 8
        await engine.submit(job("b0", owner="bob"))
        await engine.submit(job("b1", owner="bob"))
        assert (engine.status().n_running, engine.status().n_waiting) == (9, 2)
        assert isinstance(await anext(engine.watch("b0")), Progress | Loading)


async def test_a_waiting_job_is_cancelled_at_once() -> None:
    """A job that waits is taken back without the worker hearing of it, and those behind it move up."""
    async with running_engine(*SLOW, most_jobs_in_worker=1) as engine:
        for job_id in ("running", "j", "next"):
            await engine.submit(job(job_id))
        assert await engine.cancel("j")
        assert await engine.result("j") == Cancelled()
        assert not await engine.cancel("j")
        assert await anext(engine.watch("next")) == Waiting(position=1, wait_s=None)


async def test_a_running_job_is_cancelled_between_two_steps() -> None:
    """A job in the worker ends as cancelled, and the next one is drawn."""
    async with running_engine("--step-s", "0.02") as engine:
        await engine.submit(job("j", steps=150))
        await watch_until(engine, "j", 2)
        assert await engine.cancel("j")
        assert await engine.result("j") == Cancelled()
        await engine.submit(job("next"))
        assert isinstance(await engine.result("next"), Done)


async def test_a_late_watcher_gets_the_present_state_first() -> None:
    """Whoever joins in the middle sees at once how far it is, with the newest preview of every picture."""
    async with running_engine("--step-s", "0.05", "--preview-every", "1") as engine:
        await engine.submit(job("j", steps=150, n_pictures=2))
        reached = await watch_until(engine, "j", 4)
        late = await anext(engine.watch("j"))
        await engine.cancel("j")
    assert isinstance(late, Progress)
    assert late.step >= reached.step
    assert set(late.previews) == {0, 1}


async def test_a_slow_watcher_holds_nobody_up() -> None:
    """A watcher that does not look misses states, not the outcome; and the newest previews are not lost on it."""
    async with running_engine("--step-s", "0.02", "--preview-every", "1") as engine:
        await engine.submit(job("j", steps=20))
        slow = engine.watch("j")
        first = await anext(slow)
        assert isinstance(first, Progress)
        reached = await watch_until(engine, "j", 5)
        merged = await anext(slow)
        assert isinstance(merged, Progress)
        assert merged.step >= reached.step
        assert set(merged.previews) == {0}
        assert isinstance(await engine.result("j"), Done)
        rest = [event async for event in slow]
    assert [type(event) for event in rest] == [Done]


async def test_an_outcome_is_kept_until_it_was_seen() -> None:
    """A job that ended while nobody watched is told to the first who asks, and then forgotten."""
    async with running_engine() as engine:
        await engine.submit(job("unseen"))
        await engine.submit(job("seen"))
        await engine.result("seen")  # same owner, so it ended after the other
        assert isinstance(await engine.result("unseen"), Done)
        with pytest.raises(UserError, match="no job unseen"):
            engine.watch("unseen")


async def test_only_so_many_unseen_outcomes_are_kept() -> None:
    """Outcomes hold pixels: the oldest that nobody asked for go."""
    async with running_engine(*SLOW, most_jobs_in_worker=1, kept_outcomes=2) as engine:
        await engine.submit(job("running"))
        for n in range(4):
            await engine.submit(job(f"{n}"))
            await engine.cancel(f"{n}")
        with pytest.raises(UserError):
            engine.watch("1")
        assert [await engine.result(job_id) for job_id in "23"] == [Cancelled(), Cancelled()]


async def test_an_id_is_here_once() -> None:
    """A second job of an id that is unfinished is refused, waiting or running; after its end the id is free again."""
    async with running_engine(*SLOW, most_jobs_in_worker=1) as engine:
        await engine.submit(job("running"))
        await engine.submit(job("waiting"))
        for job_id in ("running", "waiting"):
            with pytest.raises(UserError, match="already here"):
                await engine.submit(job(job_id, owner="bob"))
        await engine.cancel("waiting")
        await engine.submit(job("waiting"))
        assert isinstance(await anext(engine.watch("waiting")), Waiting)


async def test_an_unknown_id_is_said_to_be_unknown() -> None:
    """Watching or cancelling a job that is not here says so at once."""
    async with running_engine() as engine:
        with pytest.raises(UserError, match="no job j here"):
            engine.watch("j")
        with pytest.raises(UserError, match="no job j here"):
            await engine.result("j")
        assert not await engine.cancel("j")


@pytest.mark.parametrize(
    ("asked", "outcome"),
    [
        (job("j", prompt="broke@2"), Failed(sentence="The paint ran out.", their_fault=False)),
        (job("j", prompt="refuse@2"), Failed(sentence="I do not draw that.", their_fault=True)),
        (job("j", model="missing"), Failed(sentence="There is no model missing here.", their_fault=True)),
    ],
)
async def test_a_job_that_cannot_be_drawn_fails_alone(asked: Job, outcome: Event) -> None:
    """The worker's sentence and whose fault it is reach the person, and the neighbour's job is drawn."""
    async with running_engine() as engine:
        await engine.submit(asked)
        await engine.submit(job("neighbour", owner="bob"))
        assert await engine.result("j") == outcome
        assert isinstance(await engine.result("neighbour"), Done)
        assert engine.status().workers[0].n_losses == 0


async def test_a_job_past_its_deadline_fails_between_steps() -> None:
    """The worker itself gives up a job that takes too long, with a sentence."""
    async with running_engine("--step-s", "0.02") as engine:
        await engine.submit(job("j", steps=150, deadline_s=0.1))
        outcome = await engine.result("j")
    assert isinstance(outcome, Failed)
    assert "longer than" in outcome.sentence


async def test_two_workers_share_the_load() -> None:
    """With two devices, two jobs are drawn at the same time, one by each."""
    async with running_engine(*SLOW, devices=("cpu", "cpu")) as engine:
        await until(lambda: n_ready(engine) == 2)
        await engine.submit(job("j"))
        await engine.submit(job("k"))
        assert [worker.n_jobs for worker in engine.status().workers] == [1, 1]


async def test_auto_takes_every_card_there_is() -> None:
    """One worker looks; if it finds two cards, the second gets a worker too."""
    async with running_engine("--n-devices", "2") as engine:
        assert [worker.asked_device for worker in engine.status().workers] == ["auto", "cuda:1"]


async def test_a_worker_that_has_the_model_is_preferred() -> None:
    """Of two workers with nothing to do, the one that has loaded the model gets the job."""
    async with running_engine(devices=("cpu", "cpu")) as engine:
        await until(lambda: n_ready(engine) == 2)
        for n in range(4):
            await engine.submit(job(f"{n}"))
            await engine.result(f"{n}")
        assert sorted(worker.models for worker in engine.status().workers) == [(), ("gradient",)]


async def test_a_model_can_be_loaded_before_anyone_asks() -> None:
    """With `preload`, the model is there when the first job comes."""
    async with running_engine(preload="gradient") as engine:
        await engine.submit(job("j"))
        events = await events_of(engine, "j")
        assert engine.status().workers[0].models == ("gradient",)
    assert isinstance(events[-1], Done)


async def test_close_ends_every_job_as_lost() -> None:
    """Nobody is left waiting: jobs in the worker and in the queue end, and no new ones are taken. Twice is once."""
    engine = Engine(settings(*SLOW, most_jobs_in_worker=1))
    await engine.start()
    await engine.submit(job("running"))
    await engine.submit(job("waiting"))
    watching = asyncio.gather(engine.result("running"), engine.result("waiting"))
    await asyncio.gather(engine.close(), engine.close())
    await engine.close()
    assert list(await watching) == [Lost(reason="The engine was closed.", is_ours=True)] * 2
    with pytest.raises(EngineError, match="closed"):
        await engine.submit(job("late"))


async def test_a_long_queue_is_told_to_its_end() -> None:
    """Positions are told in slices; the last of a thousand also learns its own."""
    async with running_engine(*SLOW, most_jobs_in_worker=1) as engine:
        for n in range(1_001):
            await engine.submit(job(f"{n}"))
        assert await anext(engine.watch("1000")) == Waiting(position=1_000, wait_s=None)


async def test_nobody_fills_a_worker_with_small_jobs() -> None:
    """A hundred jobs of one row each leave seats for others: a newcomer is inside at once, and draws within moments."""
    async with running_engine("--step-s", "0.02", "--row-cap", "32") as engine:
        for n in range(101):
            await engine.submit(job(f"a{n}", guidance=1.0, steps=150))
        await watch_until(engine, "a0", 2)  # the worker has told how many rows pay off
        assert engine.status().n_running == 32
        assert engine.wait_for_newcomer_s("bob", job("b").recipe) == 0.0
        await engine.submit(job("b", owner="bob"))
        assert engine.status().n_running == 33
        reached = await watch_until(engine, "a0", 0)
        await watch_until(engine, "b", 1)
        assert (await watch_until(engine, "a0", 0)).step - reached.step <= 6


async def test_a_newcomers_wait_is_what_it_will_be_told() -> None:
    """Asking beforehand and being told in the queue agree; and asking leaves nothing behind."""
    async with running_engine("--step-s", "0.2", most_jobs_in_worker=1) as engine:
        assert engine.wait_for_newcomer_s("ada", job("j").recipe) == 0.0
        await engine.submit(job("first", steps=1))
        await engine.result("first")
        for n in range(4):
            await engine.submit(job(f"{n}", steps=100))
        promised_s = engine.wait_for_newcomer_s("ada", job("j").recipe)
        assert (engine.status().n_waiting, promised_s is None) == (3, False)
        sooner_s = engine.wait_for_newcomer_s("bob", job("j").recipe)
        await engine.submit(job("j"))
        told = await anext(engine.watch("j"))
        for n in range(4):
            await engine.cancel(f"{n}")
    assert isinstance(told, Waiting)
    assert told.position == 4
    assert promised_s
    assert told.wait_s == pytest.approx(promised_s, rel=0.1)
    assert sooner_s
    assert sooner_s < promised_s / 2


async def test_what_was_learned_gives_the_same_waits_after_a_restart() -> None:
    """A book that was saved promises what the one that learned it did."""
    async with running_engine("--step-s", "0.1", most_jobs_in_worker=1) as engine:
        await engine.submit(job("first", steps=4))
        await engine.result("first")
        speeds = engine.speeds.speeds()
    promised_s = []
    for book in (SpeedBook(speeds), SpeedBook(SpeedBook(speeds).speeds())):
        again = Engine(settings(*SLOW, most_jobs_in_worker=1), book)
        await again.start()
        for n in range(3):
            await again.submit(job(f"{n}"))
        promised_s.append(again.wait_for_newcomer_s("ada", job("j").recipe))
        await again.close()
    assert promised_s[0]
    assert promised_s[0] == promised_s[1]


async def test_a_listener_is_told_what_is_true_when_it_comes() -> None:
    """Positions that nobody heard are not kept: who joins late gets the present one, not an old one first."""
    async with running_engine(*SLOW, most_jobs_in_worker=1) as engine:
        for n in range(4):
            await engine.submit(job(f"{n}"))
        early = engine.watch("3")
        assert await anext(early) == Waiting(position=3, wait_s=None)
        assert isinstance(early, AsyncGenerator)
        await early.aclose()
        await engine.cancel("1")
        assert await anext(engine.watch("3")) == Waiting(position=2, wait_s=None)
