"""The desk's commands and their words → requests. Each refusal says what can be written instead.

Whom a name means, and whether the asker may, is for the desk to find out. Pure.
"""

import difflib
import re
from collections.abc import Callable

from bot import desk_values, reading
from bot.asked import Asked
from bot.desk_commands import ACTIONS
from bot.options import Option, OptionKind
from bot.requests import (
    AllowSomebody,
    BanSomebody,
    Claim,
    Collect,
    Course,
    ForgetMe,
    GrantQuota,
    LinkAccounts,
    ListModels,
    MyData,
    Request,
    ResetQuota,
    Scope,
    SetQuota,
    ShowAudit,
    ShowBans,
    ShowQuota,
    ShowStats,
    Steer,
    Tune,
    UnbanSomebody,
    UnlinkAccounts,
    UseModel,
)
from bot.typography import clean, plain, quoted_at_start, shown, unescape
from engine.errors import UserError

MAX_WHO_CHARS = 200
MAX_REASON_CHARS = 300
MAX_GRANT = 10_000.0  # standard pictures: three hours of a fast device
DAYS = 30
_CODE = re.compile(r"[a-z0-9]{4,40}", re.IGNORECASE | re.ASCII)
_FOR_EVER = frozenset({"ever", "forever", "always", "good"})
_ME = frozenset({"me", "@me", "myself"})
_SEVERAL = frozenset({"here", "@here", "everyone", "@everyone", "everybody", "all"})
_HOW_TO_SET = "/quota set @ada daily 50"
_HOW_TO_RESET = "/quota reset @ada"
_HOW_TO_GRANT = "/quota grant @ada 20"
_GRANTED = Option(name="grant", kind=OptionKind.NUMBER, summary="Pictures", low=0, high=MAX_GRANT)


def _quota(asked: Asked) -> Request:
    who = _who(asked)
    value = _unquoted(asked.text("value"))
    match asked.choice("action"):
        case "set":
            return _set_quota(asked, who, value)
        case "grant":
            return _grant(asked, who, value)
        case "reset":
            _nothing_else(asked, value, _HOW_TO_RESET)
            return ResetQuota(who=_somebody(asked, who, _HOW_TO_RESET))
        case _:
            _nothing_else(asked, value, _HOW_TO_SET)
            return ShowQuota(who=None if not who or who.casefold() in _ME else who)


def _set_quota(asked: Asked, who: str, value: str) -> SetQuota:
    key, value = _limit_and_value(asked, value)
    if not who or reading.is_choice(_key_option(asked), who):
        raise UserError(f"Say for whom, which limit and how much, such as {_HOW_TO_SET}.")
    if not value:
        raise UserError(f"Say which limit and how much, such as {_HOW_TO_SET}, or a tier: /quota set @ada trusted.")
    if key == "tier" and who.casefold().startswith("tier:"):
        raise UserError("A tier has no tier of its own; set its rate, burst, in_flight or daily.")
    return SetQuota(who=who, key=key, value=desk_values.limit(key, value))


def _limit_and_value(asked: Asked, value: str) -> tuple[str, str]:
    """The limit's key and value; "in flight" are two words, and a lone word is a tier. Raises: UserError."""
    if key := asked.choice("key"):
        return key, value
    first, _, rest = re.sub(r"^in flight\b", "in_flight", value, flags=re.IGNORECASE).partition(" ")
    if not rest:
        return "tier", value
    return reading.choice(_key_option(asked), first), rest.strip()


def _grant(asked: Asked, who: str, value: str) -> GrantQuota:
    if not who or not value or "key" in asked.written:
        raise UserError(f"Say whom and how many pictures, such as {_HOW_TO_GRANT}.")
    try:
        n_pictures = reading.number(_GRANTED, re.sub(r"\s*pictures?$", "", value, flags=re.IGNORECASE))
    except UserError:
        n_pictures = 0.0
    if not n_pictures:
        raise UserError(
            f"Grant more than 0 and at most {MAX_GRANT:,.0f} pictures, such as {_HOW_TO_GRANT}; "
            f"you gave {shown(value)}. For fewer, set a limit."
        )
    return GrantQuota(who=_somebody(asked, who, _HOW_TO_GRANT), n_pictures=n_pictures)


def _nothing_else(asked: Asked, value: str, how: str) -> None:
    """Values without the word that says what to do with them. Raises: UserError."""
    if not value and "key" not in asked.written:
        return
    near = difflib.get_close_matches(asked.text("who").casefold()[:100], ACTIONS, n=1)
    hint = (
        f"Did you mean /quota {near[0]}?" if near else f"Write it as {how}, with quotes around a name of several words."
    )
    raise UserError(f"I do not know what to do with {shown(value or asked.text('key'))}. {hint}")


def _ban(asked: Asked) -> BanSomebody:
    who = _somebody(asked, _who(asked))
    reason = asked.text("reason")
    if len(reason) > MAX_REASON_CHARS:
        raise UserError(
            f"The reason has {len(reason):,} characters; {MAX_REASON_CHARS} is the most. Please shorten it."
        )
    for_s = None if plain(asked.text("for")).casefold() in _FOR_EVER else asked.duration_s("for")
    return BanSomebody(who=who, reason=reason, for_s=for_s, is_everywhere=asked.is_on("everywhere"))


def _unban(asked: Asked) -> UnbanSomebody:
    return UnbanSomebody(who=_somebody(asked, _who(asked)), is_everywhere=asked.is_on("everywhere"))


def _let_in(asked: Asked, *, is_allowed: bool) -> AllowSomebody:
    who = _who(asked)
    if not who:
        raise UserError(f"Say whom, such as {asked.command.examples[0]}, or /{asked.command.name} here.")
    return AllowSomebody(who=who, is_allowed=None if asked.is_on("default") else is_allowed)


def _model(asked: Asked) -> ListModels | UseModel | Tune:
    """What people type for "/model use pocket" is "/model pocket"."""
    name = _unquoted(asked.text("model"))
    action = asked.choice("action") or ("use" if name else "list")
    if action == "list":
        return ListModels()
    if not name:
        raise UserError(f"Say which model, such as /model {action} pocket. /model lists them.")
    if desk_values.is_default(name) and action == "use":
        return Tune(scope=Scope.ME, key="model", value=None)
    if desk_values.is_default(name):  # of the place or of all: the desk knows who asks
        return UseModel(model=desk_values.DEFAULT, is_default=True)
    return UseModel(model=desk_values.name(name), is_default=action == "default")


def _settings(asked: Asked) -> Tune:
    value = _unquoted(asked.text("value"))
    key = asked.choice("key")
    if key is None and value:
        first, _, _ = value.partition(" ")
        options = {option.name: option for option in asked.command.options}
        key = reading.choice(options["key"], first)
    said = asked.choice("scope")
    if key is None:
        return Tune(scope=Scope(said or Scope.ME), key=None, value=None)
    scope = Scope(said) if said else desk_values.SETTINGS[key].scopes[0]
    return Tune(scope=scope, key=key, value=desk_values.setting(key, scope, value))


def _link(asked: Asked) -> LinkAccounts:
    return LinkAccounts(code=_code(asked) if asked.text("code") else None)


def _claim(asked: Asked) -> Claim:
    if not asked.text("code"):
        raise UserError("Write the code that was printed at the first start behind it, such as /claim k3f9-m2q7.")
    return Claim(code=_code(asked))


def _code(asked: Asked) -> str:
    """As it was typed, without what people put between its letters."""
    written = asked.text("code")
    if not _CODE.fullmatch(re.sub(r"[\s\-_.]", "", plain(written))):
        raise UserError(f"{shown(written)} is no code; they are letters and digits, such as k3f9-m2q7.")
    return plain(written).replace(" ", "")


def _who(asked: Asked) -> str:
    """As it was written; "" for nobody. Raises: UserError."""
    who = clean(_unquoted(asked.text("who")))
    if len(who) > MAX_WHO_CHARS:
        raise UserError(f"A name has at most {MAX_WHO_CHARS} characters; this one has {len(who):,}.")
    return who


def _somebody(asked: Asked, who: str, how: str = "") -> str:
    """One person. Raises: UserError."""
    example = how or asked.command.examples[0]
    if not who.removeprefix("@"):
        raise UserError(f"Say whom, such as {example}; a name of several words goes in quotes.")
    if who.casefold() in _SEVERAL or who.casefold().startswith(("tier:", "group:")):
        raise UserError(f"This is about one person, such as {example}, and {shown(who)} is more than one.")
    return who


def _key_option(asked: Asked) -> Option:
    return next(option for option in asked.command.options if option.name == "key")


def _unquoted(written: str) -> str:
    quoted = quoted_at_start(written)
    return unescape(quoted[0]).strip() if quoted and not quoted[1] else written.strip()


DESK: dict[str, Callable[[Asked], Request]] = {
    "quota": _quota,
    "settings": _settings,
    "model": _model,
    "collect": lambda _: Collect(),
    "link": _link,
    "unlink": lambda _: UnlinkAccounts(),
    "mydata": lambda _: MyData(),
    "forget": lambda _: ForgetMe(),
    "claim": _claim,
    "ban": _ban,
    "unban": _unban,
    "bans": lambda _: ShowBans(),
    "allow": lambda asked: _let_in(asked, is_allowed=True),
    "deny": lambda asked: _let_in(asked, is_allowed=False),
    "pause": lambda _: Steer(course=Course.PAUSE),
    "resume": lambda _: Steer(course=Course.RESUME),
    "drain": lambda _: Steer(course=Course.DRAIN),
    "stats": lambda asked: ShowStats(n_days=asked.whole("days") or DAYS),
    "audit": lambda asked: ShowAudit(page=asked.whole("page") or 1),
}
