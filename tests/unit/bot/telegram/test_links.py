"""Links to the bot: what was written is read; what was made up is nothing."""

import contextlib

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.platforms.telegram import links
from bot.requests import History, LinkAccounts, ShowRecipe
from engine.errors import UserError


def test_a_link_to_a_recipe_leads_to_its_picture() -> None:
    """In letters that Telegram takes."""
    link = links.to_recipe("darkroom_bot", "k3f9m2q7xa.12")
    assert link == "https://t.me/darkroom_bot?start=r_k3f9m2q7xa-12"
    assert links.request_of(link.partition("start=")[2]) == ShowRecipe(source="k3f9m2q7xa.12")


def test_a_link_may_carry_a_code_or_ask_for_the_history() -> None:
    """As /link and /history do."""
    assert links.request_of("link_k3f9-m2q7") == LinkAccounts(code="k3f9-m2q7")
    assert links.request_of("history") == History(words="", page=1)


@pytest.mark.parametrize("payload", ["", "start", "r_", "r_x", "r_k3f9m2q7xa-1-2", "k3f9m2q7xa-1", "R_k3f9m2q7xa"])
def test_any_other_link_leads_to_the_bot_alone(payload: str) -> None:
    """Nothing is guessed."""
    assert links.request_of(payload) is None


@given(st.text(max_size=64))
def test_whatever_stands_behind_start_is_taken(payload: str) -> None:
    """A request, or none."""
    with contextlib.suppress(UserError):
        links.request_of(payload)
