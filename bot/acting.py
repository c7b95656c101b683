"""What can be done to a request that is there: begin what was offered, cancel, delete, collect; once for each event.

One's own, or with the right to it somebody else's. Knows no platform.
"""

from dataclasses import replace

from bot import answers
from bot.buttons import Press, Verb
from bot.cards import Card, Origin
from bot.desk.desk import Desk
from bot.desk.rights import Act, lies_in
from bot.library import Library
from bot.requests import Cancel
from bot.runner import Runner
from bot.sources import Sources, split
from bot.taking import Taker
from bot.telling import Teller
from bot.typography import clean
from engine.errors import UserError
from storage.asking import NotAdmitted
from storage.changes import Act as Deed
from storage.records import RequestRow
from storage.store import Store

N_COLLECTED = 5  # messages at once; a chat that was away may have many, and takes only so many a minute
_NOTHING_TO_CANCEL = "Nothing of yours is waiting or being drawn."
_OVER = "That is finished already; there is nothing left to cancel."
_TOO_LATE = "Too late to cancel: it is drawn already, and comes in a moment."
_IN_ITS_NAME = (
    "That was asked in the name of this group: admins who show their own name can do this, and whoever asked can write "
    "/cancel {request} in its name."
)
_DELETED = "Deleted."
_CHARGED_AGAIN = "What could not be delivered was given back, and counts again when it is collected."
_NOTHING_TO_COLLECT = "There is nothing to collect: everything of yours was delivered."


class Acting:
    """Acts on requests. Every coroutine raises UserError with a sentence, and StorageError."""

    def __init__(
        self,
        *,
        store: Store,
        desk: Desk,
        sources: Sources,
        library: Library,
        taker: Taker,
        runner: Runner,
        teller: Teller,
    ) -> None:
        self._store = store
        self._desk = desk
        self._sources = sources
        self._library = library
        self._taker = taker
        self._runner = runner
        self._teller = teller

    async def press(self, origin: Origin, press: Press) -> Card:
        """What a press does to a request; the same event again is answered as before. Raises: UserError."""
        before = await self._store.acts.answered(origin.event_key)
        if before is not None:
            return await self._as_before(press, before)
        match press.verb:
            case Verb.GO:
                speaking = await self._speaking(origin, press.target)
                row = await self._own(speaking, press.target)
                await self._taker.go(speaking, row)
                card = await self._told(row)
            case Verb.NO | Verb.CANCEL:
                card = await self.cancel(origin, Cancel(request=press.target, is_any=True))
            case Verb.DELETE:
                card = await self._delete(origin, press.target)
            case _:
                raise UserError("This button needs the page: open it there.")
        await self._store.acts.note(origin.event_key, origin.account, card.id)
        return card

    async def _as_before(self, press: Press, answer: str) -> Card:
        """The same event once more: what came of it, as it is now."""
        rendered = await self._library.rendered(answer) if answer else None
        return rendered[1] if rendered else answers.note(press.verb, _DELETED)

    async def cancel_asked(self, origin: Origin, asked: Cancel) -> Card:
        """What somebody typed. Which request is meant is written down first: the same event again means that one."""
        before = await self._store.acts.answered(origin.event_key)
        request_id = before or asked.request or self._newest(origin)
        if before is None:
            await self._store.acts.note(origin.event_key, origin.account, request_id)
        try:
            return await self.cancel(origin, Cancel(request=request_id, is_any=asked.is_any))
        except UserError:
            rendered = await self._library.rendered(request_id) if before else None
            if rendered is None:
                raise
            return rendered[1]  # it was taken back the first time

    def _newest(self, origin: Origin) -> str:
        """Of what is being made for them. Raises: UserError."""
        live_ones = self._runner.live_requests()  # by account: their person may have been linked since
        own = [live for live in live_ones if self._desk.person(live.request.account) == origin.owner]
        if not own:
            raise UserError(_NOTHING_TO_CANCEL)
        return own[-1].request.id

    async def cancel(self, origin: Origin, asked: Cancel) -> Card:
        """Take back what is not finished of a request; an admin also somebody else's. Raises: UserError."""
        request_id = asked.request or self._newest(origin)
        row = await self._theirs_to_act_on(origin, request_id, Act.CANCEL_ANY, asked_for_others=asked.is_any)
        if self._runner.is_drawn(row.id):  # paid for, and here sooner than it could be let go of
            raise UserError(_TOO_LATE)
        if not await self._runner.cancel(row.id):
            raise UserError(_OVER)
        return await self._told(row)

    async def _delete(self, origin: Origin, request_id: str) -> Card:
        """A message and its pictures; their files too, unless another picture is the same."""
        row = await self._theirs_to_act_on(origin, request_id, Act.DELETE_ANY, asked_for_others=True)
        await self._runner.cancel(row.id)
        async with self._teller.turn(row.id):
            unreferenced = await self._store.requests.delete(row.id)
        self._teller.deliver(row)
        await self._store.pictures.forget(unreferenced)
        return answers.note("delete", _DELETED)

    async def collect(self, origin: Origin) -> Card:
        """Show here what could not be delivered where it was asked."""
        missing = await self._store.outbox.uncollected(origin.owner)
        if not missing:
            return answers.note("collect", _NOTHING_TO_COLLECT)
        n_here, refusal = 0, None
        for request_id in missing[:N_COLLECTED]:
            try:
                await self._store.outbox.redirect(request_id, origin.place, origin.reply_to, self._desk.asking(origin))
            except NotAdmitted as exc:
                refusal = self._desk.refused(exc)
                continue
            n_here += 1
            rendered = await self._library.rendered(request_id)
            if rendered:
                self._teller.deliver(rendered[0])
        if refusal and not n_here:
            raise UserError(f"{_CHARGED_AGAIN} {refusal}")
        n_left = len(missing) - n_here
        left = f" {n_left} more {'is' if n_left == 1 else 'are'} left" if n_left else ""
        more = f"{left}. {_CHARGED_AGAIN} {refusal}" if refusal else f"{left}: /collect again." if left else ""
        sentence = f"Here {'is' if n_here == 1 else 'are'} {n_here} that could not be delivered before.{more}"
        return answers.note("collect", sentence)

    async def _told(self, row: RequestRow) -> Card:
        """Its newest card, which its own platform is shown too."""
        self._teller.deliver(row)
        self._teller.progress(row)
        rendered = await self._library.rendered(row.id)
        assert rendered, "a request is never taken out while it is acted on"
        return rendered[1]

    async def _speaking(self, origin: Origin, request_id: str) -> Origin:
        """As the place, where a request was asked in its name and this is an admin of it; else as themselves."""
        row = await self._store.requests.find(split(request_id)[0])
        if row is None or not origin.is_place_admin or not _is_of_the_place(origin, row):
            return origin
        return replace(origin, owner=row.owner, account=row.account)

    async def _own(self, origin: Origin, request_id: str) -> RequestRow:
        """A request of the asker's own. Raises: UserError."""
        row = await self._sources.request(origin, split(request_id)[0], naming=clean(request_id))
        if row.owner != origin.owner:
            if _is_of_the_place(origin, row):
                raise UserError(_IN_ITS_NAME.format(request=row.id))
            raise UserError("That is somebody else's; only they can do this.")
        return row

    async def _theirs_to_act_on(
        self, origin: Origin, request_id: str, act: Act, *, asked_for_others: bool
    ) -> RequestRow:
        """Their own, or with the right to it somebody else's, which the audit keeps. Raises: UserError."""
        row = await self._store.requests.find(split(request_id)[0])
        if not asked_for_others or row is None or row.is_deleted or row.owner == origin.owner:
            return await self._own(origin, request_id)
        realm = self._desk.realm(origin)
        if realm is None or not lies_in(row.place, realm):
            await self._own(origin, request_id)  # in the words for everybody
        self._desk.check(origin, act, row.place)
        deed = Deed(
            event_key=f"{origin.event_key}:{act}",
            actor=origin.account,
            actor_name=origin.asker,
            place=row.place,
            act=act,
            answer="",
            words=row.id,
            target=row.account,
        )
        await self._desk.audit(deed)
        return row


def _is_of_the_place(origin: Origin, row: RequestRow) -> bool:
    """Whether somebody asked in the name of the place itself, and not in their own."""
    return origin.is_place_shared and row.account == origin.sphere
