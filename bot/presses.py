"""What a button on a picture stands for: the request, and how somebody would have typed it. Pure."""

from bot.buttons import Press, Verb
from bot.requests import Again, History, Request, Show, ShowRecipe, Upscale, Vary

VARIATIONS = 4


def request_of(press: Press) -> tuple[Request | None, str]:
    """The request and its words; None and "" for a button that is about a message."""
    at = press.target
    match press.verb:
        case Verb.SHOW:
            return Show(source=at), f"/show {at}"
        case Verb.SUBTLE:
            return Vary(source=at, is_strong=False, n_pictures=VARIATIONS), f"/vary {at} subtle"
        case Verb.STRONG:
            return Vary(source=at, is_strong=True, n_pictures=VARIATIONS), f"/vary {at} strong"
        case Verb.AGAIN if "." in at:
            return Again(source=at), f"/again {at}"
        case Verb.TWICE:
            return Upscale(source=at, factor=2, is_refined=False), f"/upscale {at} 2"
        case Verb.FOURFOLD:
            return Upscale(source=at, factor=4, is_refined=False), f"/upscale {at} 4"
        case Verb.REFINE:
            return Upscale(source=at, factor=2, is_refined=True), f"/upscale {at} 2 refine"
        case Verb.RECIPE:
            return ShowRecipe(source=at), f"/recipe {at}"
        case Verb.PAGE:
            page, _, words = at.partition(":")
            return History(words=words, page=int(page) if page.isdecimal() else 1), f"/history {words}"
        case _:
            return None, ""
