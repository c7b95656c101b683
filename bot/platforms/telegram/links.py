"""Links to the bot, t.me/<bot>?start=<payload>: what each asks for, and how they are written. Pure.

A payload has at most 64 letters, digits, - and _, so the dot in a picture's name is a hyphen there.
"""

from bot.requests import History, LinkAccounts, Request, ShowRecipe
from storage.ids import read_picture_name

HISTORY = "history"
_CODE, _RECIPE = "link_", "r_"


def request_of(payload: str) -> Request | None:
    """What somebody wants who came by a link; None where the link leads to the bot alone."""
    if payload.startswith(_CODE):
        return LinkAccounts(code=payload.removeprefix(_CODE))
    if payload == HISTORY:
        return History(words="", page=1)
    picture = payload.removeprefix(_RECIPE).replace("-", ".").lower()
    if payload.startswith(_RECIPE) and read_picture_name(picture):
        return ShowRecipe(source=picture)
    return None


def to_recipe(bot: str, picture: str) -> str:
    """The address that shows how a picture was made. `bot` is the bot's username."""
    return f"https://t.me/{bot}?start={_RECIPE}{picture.replace('.', '-')}"
