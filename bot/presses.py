"""What a button on a picture stands for: the request, and how somebody would have typed it. Pure."""

from bot.buttons import Press, Verb
from bot.parser import parse
from bot.requests import Again, Collect, Development, History, Original, Request, Show, ShowRecipe, Upscale, Vary

VARIATIONS = 4
_MAKING = (Verb.DRAW, Verb.SHOW, Verb.SUBTLE, Verb.STRONG, Verb.AGAIN, Verb.TWICE, Verb.FOURFOLD, Verb.REFINE)


def is_making(button_id: str) -> bool:
    """Whether a press makes a message of its own, which is kept and goes on changing."""
    return button_id.partition(":")[0] in _MAKING


def request_of(press: Press) -> tuple[Request | None, str]:
    """The request and its words; None and "" for one about a message, or that confirms."""
    at = press.target
    match press.verb:
        case Verb.SUBTLE:
            return Vary(source=at, is_strong=False, n_pictures=VARIATIONS), f"/vary {at} subtle"
        case Verb.STRONG:
            return Vary(source=at, is_strong=True, n_pictures=VARIATIONS), f"/vary {at} strong"
        case Verb.AGAIN if "." in at:
            return Again(source=at), f"/again {at}"
        case Verb.TWICE | Verb.FOURFOLD | Verb.REFINE:
            factor, is_refined = 4 if press.verb is Verb.FOURFOLD else 2, press.verb is Verb.REFINE
            words = f"/upscale {at} {factor} refine" if is_refined else f"/upscale {at} {factor}"
            return Upscale(source=at, factor=factor, is_refined=is_refined), words
        case Verb.PAGE:
            page, _, words = at.partition(":")
            return History(words=words, page=int(page) if page.isdecimal() else 1), f"/history {words}"
        case Verb.DRAW:
            return parse(f"/imagine {at}"), f"/imagine {at}"
        case Verb.COLLECT:
            return Collect(), "/collect"
        case _:
            return _looking(press)


def _looking(press: Press) -> tuple[Request | None, str]:
    at = press.target
    match press.verb:
        case Verb.SHOW:
            return Show(source=at), f"/show {at}"
        case Verb.RECIPE:
            return ShowRecipe(source=at), f"/recipe {at}"
        case Verb.FILE:
            return Original(source=at), f"/original {at}"
        case Verb.ANIMATION:
            return Development(source=at), ""
        case _:
            return None, ""
