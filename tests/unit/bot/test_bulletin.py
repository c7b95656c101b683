"""Progress within a platform's budget: the newest, never twice, never a crowd of edits."""

import asyncio
from collections import defaultdict
from dataclasses import replace

from bot.budgets import Budgets
from bot.bulletin import Bulletin, News
from bot.cards import Card, State
from bot.platforms.base import Address, Budget
from engine.errors import PlatformError
from tests.fakes.platforms import Recorder


class Board:
    """What there is to tell, as the studio would know it."""

    def __init__(self, platform: Recorder) -> None:
        self.positions: dict[str, int] = {}
        self.n_asked = 0
        self.locks: dict[str, asyncio.Lock] = defaultdict(asyncio.Lock)
        self.budgets = Budgets(platform.budget, asyncio.get_running_loop().time)
        self.bulletin = Bulletin(platform, self.budgets, self.news, lambda request: self.locks[request])

    async def news(self, request: str) -> News | None:
        """A card at its position; None once it is over."""
        self.n_asked += 1
        if request not in self.positions:
            return None
        card = Card(id=request, kind="imagine", state=State.WAITING, position=self.positions[request])
        return News(Address(request=request, reply_to="room", remote_id="m", created_s=0.0), card)

    def move(self, request: str, position: int, chat: str = "room") -> None:
        """It is at another place now."""
        self.positions[request] = position
        self.bulletin.note(request, chat)


async def told(platform: Recorder, n: int) -> None:
    async with asyncio.timeout(5):
        while len(platform.told) < n:  # noqa: ASYNC110 # the recorder's own waits know requests, not numbers
            await asyncio.sleep(0.002)


async def test_what_moves_often_is_told_rarely_and_ends_with_the_newest() -> None:
    """A hundred moves in a moment are two edits: the first, and the last once the budget allows it."""
    platform = Recorder(budget=Budget(of_message=(1, 0.1)))
    board = Board(platform)
    for position in range(100, 0, -1):
        board.move("a", position)
        await asyncio.sleep(0)
    await told(platform, 2)
    await asyncio.sleep(0.15)
    assert [card.position for _, card in platform.told][-1] == 1
    assert len(platform.told) == 2
    await board.bulletin.close()


async def test_a_chat_with_many_waiting_gets_no_more_edits_than_it_allows() -> None:
    """Fifty messages in one chat and three edits in a long while: three are told, another chat's at once."""
    platform = Recorder(budget=Budget(of_message=(1, 0.01), of_chat=(3, 60.0)))
    platform.chat = lambda reply_to: reply_to  # type: ignore[method-assign]
    board = Board(platform)
    for number in range(50):
        board.move(f"r{number}", number)
    board.move("elsewhere", 1, chat="other")
    await told(platform, 4)
    await asyncio.sleep(0.05)
    assert len(platform.told) == 4
    assert "elsewhere" in [card.id for _, card in platform.told]
    await board.bulletin.close()


async def test_the_same_is_not_told_twice_and_what_is_over_not_at_all() -> None:
    """News that say what was said already cost no edit; a request that has ended is nobody's news."""
    platform = Recorder(budget=Budget(of_message=(1, 0.001)))
    board = Board(platform)
    board.move("a", 3)
    await told(platform, 1)
    board.move("a", 3)
    board.bulletin.note("gone", "room")
    board.move("b", 1)
    await told(platform, 2)
    assert [card.id for _, card in platform.told] == ["a", "b"]
    await board.bulletin.close()


async def test_a_retry_after_parks_the_chat_and_the_news_are_not_lost_for_others() -> None:
    """After a 429 that chat is left alone for as long as it said; another one is told."""
    platform = Recorder(budget=Budget(of_message=(1, 0.001)))
    platform.trips["progress"] = [PlatformError("Too many requests.", retry_after_s=60.0)]
    board = Board(platform)
    board.move("a", 3)
    await asyncio.sleep(0.02)
    board.move("a", 2)
    board.move("b", 1, chat="other")
    await told(platform, 1)
    await asyncio.sleep(0.02)
    assert [card.id for _, card in platform.told] == ["b"]
    assert board.budgets.parked_for_s("room") > 50
    await board.bulletin.close()


async def test_nobody_who_looks_costs_nothing() -> None:
    """Where nobody would see it, no card is even made."""
    platform = Recorder()
    platform.is_seen = lambda reply_to: False  # type: ignore[method-assign]
    board = Board(platform)
    board.move("a", 3)
    await asyncio.sleep(0.01)
    assert board.n_asked == 0
    await board.bulletin.close()


async def test_the_time_of_telling_is_no_news() -> None:
    """Two cards that differ in told_at_s alone are the same to a reader."""
    platform = Recorder(budget=Budget(of_message=(1, 0.001)))
    board = Board(platform)
    card = Card(id="a", kind="imagine", state=State.WAITING, position=1, told_at_s=1.0)
    address = Address(request="a", reply_to="room", remote_id="m", created_s=0.0)
    cards = iter([card, replace(card, told_at_s=2.0), replace(card, position=2)])

    async def news(request: str) -> News | None:
        return News(address, next(cards))

    board.bulletin._news = news
    for _ in range(3):
        board.bulletin.note("a", "room")
        await asyncio.sleep(0.02)
    assert [card.position for _, card in platform.told] == [1, 2]
    await board.bulletin.close()
