"""Each interaction to the studio, and its answer back: commands, buttons, forms, what is offered while typing.

What makes a picture is answered by the delivery of its message; all else by a message for the asker alone. Whatever
breaks here is a sentence for one person and stops nobody else.
"""

import contextlib
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any, Protocol

import discord
import structlog

from bot import answers, buttons
from bot.apology import unexpected
from bot.buttons import Verb
from bot.cards import Card, Origin
from bot.commands import COMMANDS
from bot.parser import request_from
from bot.platforms.discord import answering, events, menu, messages, modals, suggestions, wire
from bot.platforms.discord.address import Where
from bot.platforms.discord.attachments import Attachments
from bot.platforms.discord.deferrals import Deferrals
from bot.platforms.discord.delivering import ON_ITS_WAY
from bot.platforms.discord.forms import Forms
from bot.platforms.discord.recent import Recent
from bot.platforms.discord.reply import Reply
from bot.platforms.discord.uploads import Uploader
from bot.platforms.discord.wire import Wire
from bot.presses import is_making
from bot.requests import Request
from bot.sources import Upload
from bot.typed import words_of
from engine.errors import DarkroomError, PlatformError, UserError

Interaction = discord.Interaction[Any]

PATIENCE_S = 1.5  # until "thinking" is said; Discord gives up after three
# Less with each that waits already: of a thousand at once all were answered after 1.8 s, and 2.8 s where all had 1.5 s.
LESS_FOR_EACH_S, LEAST_PATIENCE_S = 0.003, 0.2
_MAKING = frozenset({"imagine", "remix", "upscale", "vary", "again", "compare", "show"})
_NO_PICTURE = "There is no picture in that message that I can open."
_PRIVATE = "private"

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Studio(Protocol):
    """What is asked of the studio."""

    async def ask(self, origin: Origin, request: Request, uploads: tuple[str, ...] = (), words: str = "") -> Card:
        """Do what somebody asked."""

    async def press(self, origin: Origin, button_id: str) -> Card:
        """Do what a button says."""

    async def may_upload(self, origin: Origin) -> None:
        """To be asked before a picture is fetched. Raises: UserError for who may not send one."""

    async def take_upload(self, origin: Origin, file: bytes) -> Upload:
        """Keep a picture."""

    async def visibility(self, place: str) -> str:
        """Who sees what is made in a place."""

    def not_over(self, account: str) -> Mapping[str, str]:
        """Their requests that wait or are being drawn, by name, with their words."""

    async def words_and_strength(self, origin: Origin, picture: str) -> tuple[str, float | None]:
        """What a remix of a picture begins with."""


class Listener:
    """Hears interactions. `replies` are those that are being answered now, by id."""

    def __init__(
        self,
        *,
        studio: Studio,
        calls: Wire,
        uploads: Uploader,
        attachments: Attachments,
        deferrals: Deferrals,
        recent: Recent,
        replies: dict[int, Reply],
        patience_s: float = PATIENCE_S,
    ) -> None:
        self._studio = studio
        self._calls = calls
        self._uploads = uploads
        self._attachments = attachments
        self._deferrals = deferrals
        self._recent = recent
        self._replies = replies
        self._patience_s = patience_s
        self._forms = Forms(attachments)

    async def hear(self, interaction: Interaction) -> None:
        """Answer one interaction, whatever it is. Never fails."""
        self._recent.meet(events.account_of(interaction))
        try:
            match interaction.type:
                case discord.InteractionType.application_command:
                    await self._command(interaction)
                case discord.InteractionType.component:
                    await self._pressed(interaction)
                case discord.InteractionType.modal_submit:
                    await self._form(interaction)
                case discord.InteractionType.autocomplete:
                    await self._typing(interaction)
                case _:
                    return
        except PlatformError as exc:
            log.warning("an interaction could not be answered", reason=str(exc))
        except Exception:  # the edge of the platform: one interaction stops no other
            log.exception("an interaction broke")

    async def close(self) -> None:
        """Let go of pictures for forms that nobody sent."""
        await self._forms.close()

    # What people do

    async def _command(self, interaction: Interaction) -> None:
        data = dict(interaction.data or {})
        if data.get("type") == menu.MESSAGE:
            await self._on_message(interaction, data)
            return
        name, values = str(data["name"]), events.filled_in(data)
        files = events.attached(data)
        words = words_of(name, values)

        async def do(origin: Origin) -> Card:
            request = request_from(name, values)
            uploads = [await self._taken(origin, each) for each in files]
            return await self._studio.ask(origin, request, tuple(uploads), words)

        await self._answer(interaction, do, is_making=name in _MAKING, is_collecting=name == "collect")

    async def _on_message(self, interaction: Interaction, data: Mapping[str, Any]) -> None:
        """Something is to be done with the picture in a message, of ours or anybody's."""
        name = str(data["name"])
        if name == menu.REMIX_THIS:
            await self._open_form(interaction, lambda: events.target(data))
            return
        command = "upscale" if name == menu.UPSCALE_THIS else "recipe"

        async def do(origin: Origin) -> Card:
            message = events.target(data)
            ours = _picture_of(events.button_ids(message), is_only=command == "upscale")
            values = {"source": ours} if ours else {}
            uploads = () if ours else (await self._taken(origin, _first_picture(message)),)
            return await self._studio.ask(origin, request_from(command, values), uploads, words_of(command, values))

        await self._answer(interaction, do, is_making=command in _MAKING)

    async def _pressed(self, interaction: Interaction) -> None:
        data = dict(interaction.data or {})
        values: list[Any] = list(data.get("values") or [data.get("custom_id", "")])  # type: ignore[call-overload]  # theirs
        button_id = str(values[0])  # one of a menu is a button as well

        async def do(origin: Origin) -> Card:
            if verb in (Verb.DELETE, Verb.CANCEL) and events.is_moderator(interaction):
                origin = replace(origin, is_place_admin=True)
            if verb != Verb.DELETE:
                return await self._studio.press(origin, button_id)
            with contextlib.suppress(PlatformError):  # taken first: a press on what is gone cannot be answered
                await self._replies[interaction.id].take()
            card = await self._studio.press(origin, button_id)
            if not card.is_refusal and (not events.is_member(interaction) or events.is_on_ephemeral(interaction)):
                with contextlib.suppress(PlatformError):  # only this press can take it away there
                    await self._calls.delete_reply(interaction.token)
            return card

        verb, _, picture = button_id.partition(":")
        if verb == Verb.REMIX:
            await self._open_form(interaction, picture)
            return
        is_collecting = verb == Verb.COLLECT
        await self._answer(interaction, do, is_making=is_making(button_id), is_press=True, is_collecting=is_collecting)

    async def _form(self, interaction: Interaction) -> None:
        data = dict(interaction.data or {})
        kind, _, what = str(data.get("custom_id", "")).partition(":")
        fields = modals.filled_in(data)
        values: dict[str, events.Value] = dict(fields)

        async def do(origin: Origin) -> Card:
            uploads: tuple[str, ...] = ()
            if kind == modals.PICTURE:
                values["source"] = what
            else:
                request_from("remix", values)  # before the file is let go of: the form can be sent once more
                uploads = ((await self._studio.take_upload(origin, await self._forms.take(what))).id,)
            return await self._studio.ask(origin, request_from("remix", values), uploads, words_of("remix", values))

        await self._answer(interaction, do, is_making=True)

    async def _typing(self, interaction: Interaction) -> None:
        data = dict(interaction.data or {})
        option, typed = events.focused(data)
        account = events.account_of(interaction)
        waiting = self._studio.not_over(account)
        found = suggestions.choices(self._recent, account, str(data.get("name", "")), option, typed, waiting)
        await self._calls.reply(interaction.id, interaction.token, wire.SUGGESTIONS, {"choices": found})

    # Answering

    async def _answer(
        self,
        interaction: Interaction,
        do: Callable[[Origin], Awaitable[Card]],
        *,
        is_making: bool,
        is_press: bool = False,
        is_collecting: bool = False,
    ) -> None:
        """Do it, and see that its interaction has its answer: the request's own message, or one for the asker."""
        async with self._reply(interaction, is_making=is_making, is_press=is_press) as reply:
            shows = is_making or is_collecting
            is_private = shows and await self._is_private(interaction)  # read while "thinking" can be said
            reply.is_for_asker = is_private or not is_making
            where = events.where_of(interaction, is_own=is_making, is_private=is_private)
            try:
                if is_making:
                    events.check_rights(interaction)
                card = await do(events.origin_of(interaction, where))
            except UserError as exc:
                card = answers.refusal(str(exc))
            except DarkroomError as exc:
                log.warning("an interaction was refused for a reason of ours", reason=str(exc))
                card = answers.refusal(str(exc))
            except Exception:  # noqa: BLE001  # the edge of the platform
                card = answers.refusal(unexpected("an interaction of Discord"))
            await self._finish(reply, where, card, is_press=is_press and not is_making)

    async def _finish(self, reply: Reply, where: Where, card: Card, *, is_press: bool) -> None:
        if card.id and is_press:
            await reply.take()  # the message that was pressed on is edited by its delivery
        elif card.id and where.is_own:
            if where.is_private and not reply.is_answered:
                await reply.say(messages.of_words(ON_ITS_WAY), is_for_asker=True)
            await reply.settled()  # its delivery answers; one that failed is made again, and "thinking" comes first
        elif card.kind == Verb.DELETE and not card.is_refusal:
            pass  # its message goes
        else:
            await answering.say(self._uploads, reply, where, card)
        await self._deferrals.drop(reply.interaction)

    def _reply(
        self, interaction: Interaction, *, is_making: bool, is_press: bool = False, is_patient: bool = False
    ) -> "_Kept":
        less_s = 0.0 if is_patient else LESS_FOR_EACH_S * len(self._replies)

        async def before_thinking() -> None:
            await self._deferrals.note(interaction.id, interaction.token)

        return _Kept(
            self._replies,
            Reply(
                self._calls,
                interaction.id,
                interaction.token,
                is_for_asker=not is_making,
                is_press=is_press and not is_making,
                patience_s=max(LEAST_PATIENCE_S, self._patience_s - less_s),
                before_thinking=before_thinking,
            ),
        )

    async def _open_form(self, interaction: Interaction, of: str | Callable[[], events.Json]) -> None:
        """Ask for the words of a remix, of a picture of ours or what is in a message.

        A form must be the first answer, so nothing slow comes before it.
        """
        async with self._reply(interaction, is_making=False, is_patient=True) as reply:
            try:
                form = await self._form_for(interaction, of)
            except DarkroomError as exc:
                await reply.say(messages.of_card(answers.refusal(str(exc)), ()), is_for_asker=True)
            except Exception:  # noqa: BLE001  # the edge of the platform
                broke = answers.refusal(unexpected("a form of Discord"))
                await reply.say(messages.of_card(broke, ()), is_for_asker=True)
            else:
                await reply.show_form(form)
            await self._deferrals.drop(interaction.id)

    async def _form_for(self, interaction: Interaction, of: str | Callable[[], events.Json]) -> dict[str, Any]:
        events.check_rights(interaction)
        message = {} if isinstance(of, str) else of()
        picture = of if isinstance(of, str) else _picture_of(events.button_ids(message), is_only=True)
        origin = events.origin_of(interaction, events.where_of(interaction, is_own=False, is_private=False))
        if not picture:
            await self._studio.may_upload(origin)
            name = self._forms.begin(interaction.user.id, interaction.id, _first_picture(message))
            return modals.remix_form(f"{modals.UPLOAD}:{name}", "", "")
        words, strength = await self._studio.words_and_strength(origin, picture)
        told = "" if strength is None else f"{strength:g}"
        return modals.remix_form(f"{modals.PICTURE}:{picture}", words, told)

    async def _taken(self, origin: Origin, attachment: Mapping[str, Any]) -> str:
        await self._studio.may_upload(origin)
        file = await self._attachments.fetch(str(attachment["url"]), attachment.get("size"))
        return (await self._studio.take_upload(origin, file)).id

    async def _is_private(self, interaction: Interaction) -> bool:
        try:
            return interaction.guild_id is not None and (
                await self._studio.visibility(events.place_of(interaction)) == _PRIVATE
            )
        except DarkroomError:
            return False  # the disk is ill: what follows says so


class _Kept:
    """A reply that is among those being answered, while it is."""

    def __init__(self, replies: dict[int, Reply], reply: Reply) -> None:
        self._replies = replies
        self._reply = reply

    async def __aenter__(self) -> Reply:
        self._replies[self._reply.interaction] = self._reply
        return await self._reply.__aenter__()

    async def __aexit__(self, *exc: Any) -> None:
        await self._reply.__aexit__(*exc)
        self._replies.pop(self._reply.interaction, None)


def _first_picture(message: Mapping[str, Any]) -> Mapping[str, Any]:
    found = events.pictures_in(message)
    if not found:
        raise UserError(_NO_PICTURE)
    return found[0]


def _picture_of(button_ids: list[str], *, is_only: bool) -> str | None:
    """The picture of ours that a message shows, as its buttons name it; the first. `is_only`: there must be no other.

    Raises: UserError.
    """
    pressed = [each for each in map(_read, button_ids) if each and "." in each.target]
    shown = [each.target for each in pressed if each.verb == Verb.SHOW]
    if is_only and len(shown) > 1:
        raise UserError(f"That message shows {len(shown)} pictures: press U1 to U{len(shown)} for the one you mean.")
    return next((each.target for each in pressed if each.verb in (Verb.RECIPE, Verb.SHOW, Verb.AGAIN)), None)


def _read(button_id: str) -> buttons.Press | None:
    try:
        return buttons.read(button_id)
    except UserError:
        return None


assert {command.name for command in COMMANDS} >= _MAKING
