"""Inline mode: one's own pictures in any chat, by what Telegram has of them; nobody sees anyone else's."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from bot.platforms.telegram import inline
from tests.fakes.telegram_houses import Scene, ids_of, open_telegram, over
from tests.fakes.telegram_server import InlineQuery, User, texts


@pytest.fixture
async def scene(tmp_path: Path) -> AsyncIterator[Scene]:
    """A house that draws at once; in the end every call and update must be by the spec."""
    async with open_telegram(tmp_path) as opened:
        yield opened
        assert opened.server.problems() == []


async def asked(scene: Scene, words: str = "", user: User | None = None, offset: str = "") -> InlineQuery:
    """Somebody types the bot's name and these words; the answer."""
    await scene.server.inline(user or scene.ada, words, offset=offset, timeout_s=10.0)
    return list(scene.server.queries.inline.values())[-1]


def prompts(query: InlineQuery) -> list[str]:
    """What is proposed."""
    return [each["title"] for each in query.results or []]


async def test_ones_own_pictures_are_proposed_newest_first(scene: Scene) -> None:
    """All, or those with the words; by the file that Telegram has, for this person alone."""
    for words in ("a red circle --seed 7", "a blue square --seed 8"):
        await scene.drawn(words)
    query = await asked(scene)
    assert prompts(query) == ["a blue square", "a red circle"]
    assert query.is_personal
    assert query.cached_s < 60
    assert prompts(await asked(scene, "red")) == ["a red circle"]
    assert prompts(await asked(scene, "nothing of the kind")) == []


async def test_nobody_sees_anyone_elses(scene: Scene) -> None:
    """Not with the same words, and not with an offset from somebody else's answer."""
    message = await scene.drawn("a red circle --seed 7")
    bob = scene.server.add_user("bob")
    await scene.say("/help", bob, scene.server.private(bob))
    picture = next(each for each in ids_of(message) if each.startswith("again:")).partition(":")[2]
    for words, offset in (("", ""), ("red", ""), ("", picture), ("", "made up")):
        query = await asked(scene, words, bob, offset)
        assert prompts(query) == []
        assert query.button


async def test_who_chooses_sends_the_picture_with_its_words(scene: Scene) -> None:
    """Into a group where the bot is; it is nothing that the bot answers, and it is what it says it is."""
    drawn = await scene.drawn("a red circle --seed 7")
    group = scene.server.add_supergroup("art", scene.operator)
    n_before = len(scene.server.of_bot(group))
    query = await asked(scene)
    sent = await scene.server.choose(scene.ada, group, (query.results or [])[0])
    assert sent.media is not None
    assert drawn.media is not None
    assert sent.media.file.id == drawn.media.file.id
    assert "a red circle" in texts(sent)
    assert "seed 7" in texts(sent)
    own = await scene.server.choose(scene.ada, scene.private, (query.results or [])[0])
    n_own = len(scene.server.of_bot(scene.private))
    answered = await scene.server.send(scene.ada, scene.private, "/recipe", reply_to=own)
    assert "Seed 7" in texts(await scene.server.answer_to(answered, 10.0))
    assert len(scene.server.of_bot(scene.private)) == n_own + 1
    assert len(scene.server.of_bot(group)) == n_before


async def test_whoever_answers_somebody_elses_remixes_what_they_see(scene: Scene) -> None:
    """The photo, not the picture of ours that it names: that is its owner's."""
    await scene.drawn("a red circle --seed 7")
    group = scene.server.add_supergroup("art", scene.operator)
    sent = await scene.server.choose(scene.ada, group, ((await asked(scene)).results or [])[0])
    bob = scene.server.add_user("bob")
    answer = await scene.server.send(bob, group, "/remix a blue ring --strength 0.5", reply_to=sent)
    assert "strength 0.5" in texts(await over(await scene.server.answer_to(answer, 10.0)))
    recipe = await scene.server.send(bob, group, "/recipe", reply_to=sent)
    assert "carries no recipe" in texts(await scene.server.answer_to(recipe, 10.0))


async def test_pages_follow_each_other_without_gaps(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    """By offset; what Telegram does not have is passed over, and the last page says that it is the last."""
    monkeypatch.setattr(inline, "A_PAGE", 2)
    for seed in range(5):
        await scene.drawn(f"a red circle --seed {seed}")
    await scene.drawn("a ring --n 4 --seed 100")  # a grid: none of them was shown alone
    found: list[str] = []
    offset = ""
    for _ in range(6):
        query = await asked(scene, offset=offset)
        found += [each["description"] for each in query.results or []]
        offset = query.next_offset
        if not offset:
            break
    assert found == [f"seed {seed}" for seed in (4, 3, 2, 1, 0)]


async def test_a_picture_that_is_deleted_is_proposed_no_more(scene: Scene) -> None:
    """Telegram's name of its file went with it."""
    message = await scene.drawn()
    assert len(prompts(await asked(scene))) == 1
    await scene.server.press(scene.ada, message, next(each for each in ids_of(message) if each.startswith("delete:")))
    await scene.server.until(lambda: message.deleted, 10.0)
    query = await asked(scene)
    assert prompts(query) == []
    assert query.button
    assert query.button["start_parameter"] == "history"


async def test_the_button_over_nothing_leads_to_the_history(scene: Scene) -> None:
    """In private, as a deep link."""
    await scene.drawn("a ring --n 4 --seed 9")
    query = await asked(scene)
    assert query.button
    started = await scene.server.start_bot(scene.ada, query.button["start_parameter"])
    assert "4 pictures" in texts(await scene.server.answer_to(started, 10.0))


async def test_strangers_are_proposed_nothing(tmp_path: Path) -> None:
    """But a way to be let in."""
    async with open_telegram(tmp_path, is_open=False) as scene:
        query = await asked(scene)
        assert query.results == []
        assert query.button
        started = await scene.server.start_bot(scene.ada, query.button["start_parameter"])
        assert "private" in texts(await scene.server.answer_to(started, 10.0))
