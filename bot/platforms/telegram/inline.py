"""One's own pictures in any chat: who types the bot's name there is shown their history, and sends one of it.

Telegram is given no files here, only its own names of those that it has: pictures that were shown alone in a chat of
Telegram. Nobody is shown anybody else's, and Telegram keeps no answer for others.
"""

from telegram import InlineQuery, InlineQueryResultCachedPhoto, InlineQueryResultsButton
from telegram.ext import ExtBot

from bot.cards import Origin
from bot.gallery import PictureLine
from bot.languages import language_for
from bot.languages.speech import in_language
from bot.platforms.telegram import links, messages
from bot.platforms.telegram.seams import Studio
from engine.errors import UserError

A_PAGE = 50  # Telegram's most results of an answer
MOST_PAGES = 10  # that are looked through for one answer
KEPT_S = 5  # what was just drawn is there when it is typed again
_MAX_TITLE, _MAX_LABEL = 100, 64


class Inline:
    """Answers inline queries."""

    def __init__(self, studio: Studio, bot: "ExtBot[None]") -> None:
        self._studio = studio
        self._bot = bot

    async def answer(self, query: InlineQuery) -> None:
        """Raises: StorageError, TelegramError where nobody waits any more."""
        account = f"telegram:{query.from_user.id}"
        origin = Origin(
            platform="telegram",
            owner=account,
            place=account,
            reply_to="",
            event_key=f"t:inline:{query.id}",
            asker=query.from_user.full_name,
        )
        try:
            await self._studio.let_in(origin)
            results, following = await self._found(account, query)
        except UserError:  # a stranger, or an offset that was made up
            await self._say(query, [], "", "Who may use this Darkroom?", "start")
            return
        is_empty = not results and not query.offset
        label = "Nothing to send yet: draw with me, or open one of /history here" if is_empty else "Draw a new one"
        await self._say(query, results, following, label, links.HISTORY if is_empty else "start")

    async def _found(self, account: str, query: InlineQuery) -> tuple[list[InlineQueryResultCachedPhoto], str]:
        """What can be sent of the pages from there on, until there is anything; and where the next begins."""
        before: str | None = query.offset or None
        language = _language(query)
        for _ in range(MOST_PAGES):
            page = await self._studio.history(account, query.query, before, A_PAGE)
            prefix = f"telegram:{self._bot.id}:"
            sent = await self._studio.sent([each.picture for each in page.pictures], prefix)
            results = [
                _result(each, sent[each.picture][len(prefix) :], language)
                for each in page.pictures
                if each.picture in sent
            ]
            before = page.next
            if results or before is None:
                return results, before or ""
        return [], ""

    async def _say(
        self,
        query: InlineQuery,
        results: list[InlineQueryResultCachedPhoto],
        following: str,
        label: str,
        payload: str,
    ) -> None:
        await self._bot.answer_inline_query(
            query.id,
            results,
            cache_time=KEPT_S,
            is_personal=True,
            next_offset=following,
            button=InlineQueryResultsButton(in_language(label, _language(query))[:_MAX_LABEL], start_parameter=payload),
        )


def _language(query: InlineQuery) -> str:
    return language_for(query.from_user.language_code or "")


def _result(line: PictureLine, file_id: str, language: str) -> InlineQueryResultCachedPhoto:
    seed = in_language(f"seed {line.seed}", language)
    words = messages.of_picture(line.picture, line.prompt, seed if line.model else line.label)
    return InlineQueryResultCachedPhoto(
        id=line.picture,
        photo_file_id=file_id,
        title=line.prompt[:_MAX_TITLE] or line.picture,
        description=line.label or seed,
        caption=words.text,
        caption_entities=words.entities,
    )
