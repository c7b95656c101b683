"""The form of a remix."""

from typing import Any

from bot.platforms.discord import modals
from tests.fakes.discord_spec import DiscordSpec


def test_the_form_is_filled_in_and_within_discords_bounds() -> None:
    """Words and strength of the picture stand in it; the spec takes it."""
    form = modals.remix_form("remix:k3f9m2q7xa.2", "p" * 5_000, "0.6")
    assert DiscordSpec().check_request("POST", "/interactions/1/t/callback", body={"type": 9, "data": form}) == []
    values = [part["component"].get("value") for part in form["components"]]
    assert values == ["p" * 4_000, "0.6"]


def test_empty_fields_are_left_out() -> None:
    """Then the picture's own words are meant, and the usual strength."""
    row: dict[str, Any] = {"type": 1, "components": [{"type": 4, "custom_id": "strength", "value": "0.5"}]}
    label: dict[str, Any] = {"type": 18, "component": {"type": 4, "custom_id": "prompt", "value": ""}}
    assert modals.filled_in({"components": [row, label]}) == {"strength": "0.5"}
