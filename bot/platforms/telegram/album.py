"""All pictures of a message, each whole, as albums: on a button, for each costs as much as a message of its own."""

from collections.abc import Awaitable, Callable
from dataclasses import replace

import structlog

from bot.building import MAX_PICTURES_AT_ONCE
from bot.platforms.telegram import messages
from bot.platforms.telegram.address import Where
from bot.platforms.telegram.parts import Parts
from bot.platforms.telegram.pictures import File, Pictures
from bot.platforms.telegram.seams import Studio
from bot.platforms.telegram.wire import Wire
from engine.errors import DarkroomError, UserError
from storage.ids import picture_name

MOST = 10  # of an album; Telegram takes two to ten

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


class Albums:
    """Sends albums. `note_sent` is told each picture that Telegram has now, and its name for the file."""

    def __init__(
        self, studio: Studio, calls: Wire, pictures: Pictures, note_sent: Callable[[str, str], Awaitable[None]]
    ) -> None:
        self._studio = studio
        self._calls = calls
        self._pictures = pictures
        self._note_sent = note_sent
        self._parts = Parts()

    async def send(self, where: Where, request: str, event: str) -> None:
        """All pictures of a request that whoever presses may see; the same press again sends what was not sent.

        Raises: UserError, PlatformError.
        """
        files = await self._gathered(where, request)
        # Two of one album at least: of eleven the last goes with the one before it.
        n_albums = -(-len(files) // MOST)
        size = -(-len(files) // n_albums)
        is_covered = await self._studio.visibility(where.place) == "spoiler"
        for first in range(self._parts.n_out(event), len(files), size):
            await self._send(where, files[first : first + size], is_covered=is_covered)
            self._parts.note(event, first + size)
        self._parts.is_over(event)

    async def _gathered(self, where: Where, request: str) -> list[File]:
        """Those that are there. Raises: UserError, as for the first one, where none is."""
        found: list[File] = []
        refusal: UserError | None = None
        for number in range(1, MAX_PICTURES_AT_ONCE + 1):
            try:
                found.append(await self._pictures.alone(where, picture_name(request, number)))
            except UserError as exc:
                refusal = refusal or exc
        if refusal and not found:
            raise refusal
        are_photos = all(each.is_photo for each in found)  # an album is of one kind
        return [replace(each, is_photo=are_photos) for each in found]

    async def _send(self, where: Where, files: list[File], *, is_covered: bool) -> None:
        captioned = [(file, messages.of_picture(file.picture or "", "", "")) for file in files]
        if len(captioned) == 1:
            file, words = captioned[0]
            _, file_id = await self._calls.show(where, file, words, None, is_covered=is_covered)
            sent: list[str | None] = [file_id]
        else:
            sent = await self._calls.show_album(where, captioned, is_covered=is_covered)
        for file, file_id in zip(files, sent, strict=True):
            if file.picture and file_id:
                try:
                    await self._note_sent(file.picture, file_id)
                except DarkroomError as exc:
                    log.warning("what Telegram calls a picture could not be kept", reason=str(exc))
