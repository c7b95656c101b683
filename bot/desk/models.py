"""The models: which there are, which is on the device, which draws here, and choosing one."""

from bot import answers
from bot.cards import Card, Field, Origin
from bot.desk.office import Deed, Office
from bot.desk.places import EVERYWHERE
from bot.desk.rights import Act, Rank
from bot.desk.tuning import Tuner
from bot.requests import UseModel
from bot.typography import cut, plain
from engine import catalog
from engine.errors import UnknownModel
from storage.changes import Set

_AS_AT_FIRST = "default"


class Models:
    """Answers /model."""

    def __init__(self, office: Office, tuner: Tuner) -> None:
        self._office = office
        self._tuner = tuner

    async def show(self, origin: Origin) -> Card:
        """All of them, with what each is at this moment."""
        mine = (await self._tuner.looks(origin)).model or self._office.terms.model
        loaded = {model for worker in self._office.engine.status().workers for model in worker.models}
        names = dict.fromkeys((self._office.terms.model, *catalog.names()))
        fields = [Field(name=cut(name), value=await self._told(name, loaded, mine)) for name in names]
        return answers.note("model", "The models here. Choose one with /model use, or in a wish with --model:", *fields)

    async def use(self, origin: Origin, asked: UseModel) -> Card:
        """Draw with it from now on: the asker, or as a default the place of a place admin, or all of an operator."""
        name = None if plain(asked.model).casefold() == _AS_AT_FIRST else (await self._entry_name(asked.model))
        act, subject, place, whom = self._for_whom(origin, is_default=asked.is_default)
        self._office.check(origin, act, place)
        drawn = f"with {cut(name)}" if name else "as they were at first"
        deed = Deed(
            act=act,
            kind="model",
            answer=f"For {whom} pictures are drawn {drawn} from now on.",
            changes=(Set(subject=subject, key="model", value=name),),
            words=cut(name or _AS_AT_FIRST),
            place=place,
            is_audited=asked.is_default,
        )
        return await self._office.do(origin, deed)

    def _for_whom(self, origin: Origin, *, is_default: bool) -> tuple[Act, str, str, str]:
        if not is_default:
            return Act.USE_MODEL, f"account:{origin.account}", EVERYWHERE, "you"
        if self._office.rank(origin) is Rank.OPERATOR:
            return Act.ALL_MODEL, "", EVERYWHERE, "everybody who names none"
        return Act.PLACE_MODEL, f"place:{origin.sphere}", origin.sphere, "everybody here who names none"

    async def _entry_name(self, name: str) -> str:
        """Raises: UnknownModel that lists what there is."""
        return (await self._office.hands.entry(name)).name

    async def _told(self, name: str, loaded: set[str], mine: str) -> str:
        try:
            entry = await self._office.hands.entry(name)
        except UnknownModel as exc:
            return str(exc)
        told = [f"{entry.width_px} x {entry.height_px}, {entry.steps} steps", f"licence: {entry.licence}"]
        told += ["draws for you here"] * (name == mine) + ["on the device"] * (name in loaded)
        return " · ".join(told)
