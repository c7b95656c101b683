"""Presses of buttons: answered at once, each for whoever pressed, in the chat where the button is."""

import asyncio

from telegram import CallbackQuery, ForceReply, User
from telegram.ext import ExtBot

from bot.buttons import Verb
from bot.cards import Card, Origin
from bot.languages import language_for
from bot.languages.speech import in_language, spoken
from bot.platforms.telegram import events, links, messages
from bot.platforms.telegram.address import Where
from bot.platforms.telegram.admins import Admins
from bot.platforms.telegram.album import Albums
from bot.platforms.telegram.seams import Studio
from bot.platforms.telegram.speaker import Speaker

ANSWER_WITHIN_S = 2.0  # Telegram shows a clock until then
MAX_ALERT = 200
_REMIX = "Answer this message with what to make of it (flags such as --strength 0.5 work too):"
_ELSEWHERE = "This button is in no chat that I am in; open me and ask with /history."
_SHARED = (
    "Whoever has this link can see this picture, how it was made, and draw it again, if they may use this Darkroom:"
)
_UNSHARED = "That link leads to nothing any more."
_OF_A_PLACE = (Verb.CANCEL, Verb.DELETE, Verb.NO, Verb.GO)  # an admin may press these of others, or of the group


class Pressing:
    """Does what buttons say."""

    def __init__(
        self, *, studio: Studio, bot: "ExtBot[None]", speaker: Speaker, admins: Admins, albums: Albums
    ) -> None:
        self._studio = studio
        self._bot = bot
        self._speaker = speaker
        self._admins = admins
        self._albums = albums

    async def pressed(self, query: CallbackQuery) -> None:
        """Somebody pressed. The message may be too old for Telegram to tell it: the button says all there is to know.

        Raises: PlatformError.
        """
        message = query.message
        if message is None or not query.data:
            await self._speaker.quietly(
                query.answer(in_language(_ELSEWHERE, language_for(query.from_user.language_code or "")))
            )
            return
        where = events.where_of(message, f"telegram:{query.from_user.id}", query.from_user.language_code)
        verb, _, target = query.data.partition(":")
        is_admin = verb in _OF_A_PLACE and await self._admins.has(where, query.from_user.id)
        origin = events.origin_of(
            where, f"t:cb:{query.id}", query.from_user.full_name, answered=None, is_admin=is_admin
        )
        match verb:
            case Verb.REMIX:
                if await self._may_look(query, where, origin):
                    await self._ask_for_words(where, target, query.from_user)
            case Verb.SHARE | Verb.UNSHARE:
                await self._share(query, where, origin, target, is_shared=verb == Verb.SHARE)
            case Verb.ALBUM:
                if await self._may_look(query, where, origin):
                    await self._send_album(where, origin, target)
            case _:
                await self._press(query, where, origin)

    async def _may_look(self, query: CallbackQuery, where: Where, origin: Origin) -> bool:
        """Answer a press of what the studio is not asked for, and whether it is to be done."""

        async def ask() -> Card | None:
            await self._studio.may_look(origin)
            return None

        if refusal := await self._speaker.answered(ask(), "a button on Telegram"):
            await self._alert(query, where, origin, refusal)
            return False
        await self._speaker.quietly(query.answer())
        return True

    async def _send_album(self, where: Where, origin: Origin, request: str) -> None:
        sending = self._albums.send(where, request, origin.event_key)
        if refusal := await self._speaker.answered(sending, "an album on Telegram"):
            await self._speaker.say(where, refusal, origin.event_key)

    async def _press(self, query: CallbackQuery, where: Where, origin: Origin) -> None:
        doing = self._speaker.answered(self._studio.press(origin, query.data or ""), "a button on Telegram")
        pressing = asyncio.create_task(doing, name="a press")
        done, _ = await asyncio.wait([pressing], timeout=ANSWER_WITHIN_S)
        card = pressing.result() if done else None
        if card and card.is_refusal:
            await self._alert(query, where, origin, card)
            return
        await self._speaker.quietly(query.answer())
        card = await pressing
        if card and not card.id and card.kind != Verb.DELETE:
            await self._speaker.say(where, card, origin.event_key)

    async def _alert(self, query: CallbackQuery, where: Where, origin: Origin, card: Card) -> None:
        """To whoever pressed alone; a long sentence is said in the chat."""
        card = spoken(card, where.language)
        is_short = len(card.sentence) <= MAX_ALERT
        await self._speaker.quietly(query.answer(card.sentence if is_short else None, show_alert=is_short))
        if not is_short:
            await self._speaker.say(where, card, origin.event_key)

    async def _share(self, query: CallbackQuery, where: Where, origin: Origin, target: str, *, is_shared: bool) -> None:
        shared: list[str] = []

        async def do() -> Card | None:
            shared.append(await self._studio.share(origin, target, is_shared=is_shared))
            return None

        refusal = await self._speaker.answered(do(), "sharing on Telegram")
        if refusal:
            await self._alert(query, where, origin, refusal)
            return
        await self._speaker.quietly(query.answer())
        if not is_shared:
            await self._speaker.calls.say(where, messages.of_sentence(in_language(_UNSHARED, where.language)), None)
            return
        link = links.to_recipe(self._bot.username, shared[0])
        keys = messages.of_link(link, shared[0], where.language)
        await self._speaker.calls.say(
            where, messages.of_sentence(f"{in_language(_SHARED, where.language)} {link}"), keys
        )

    async def _ask_for_words(self, where: Where, target: str, user: User) -> None:
        """In a group whoever pressed is named, so that it is for them alone: the others keep what they are writing."""
        words = messages.Words(messages.MAX_TEXT)
        if where.is_shared:
            messages.mention(words, user).add(": ")
        keys = ForceReply(selective=where.is_shared, input_field_placeholder="a green square")
        await self._speaker.calls.say(where, words.add(f"{in_language(_REMIX, where.language)} ").code(target), keys)
