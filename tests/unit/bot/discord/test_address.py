"""Addresses of messages: there and back, and how long a token is worth a try."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.languages import LANGUAGES
from bot.platforms.discord.address import EPOCH_MS, MessageName, Where, made_at_s, message_name, read, snowflake_at

IDS = st.integers(0, 2**63)


@given(
    st.builds(
        Where,
        place=st.from_regex(r"discord:[0-9:]{1,40}", fullmatch=True),
        channel=IDS,
        user=IDS,
        interaction=IDS,
        token=st.text("abcXYZ0189-_=;.", max_size=200),
        most_bytes=IDS,
        is_member=st.booleans(),
        is_own=st.booleans(),
        is_private=st.booleans(),
        is_shared=st.booleans(),
        language=st.sampled_from(("", *LANGUAGES)),
    )
)
def test_an_address_is_read_as_it_was_written(where: Where) -> None:
    """Whatever the token holds."""
    assert read(where.written()) == where


@pytest.mark.parametrize("written", ["", "1;2", "2;discord:1;1;1;1;1;;t", "c0/5/owner"])
def test_what_is_no_address_is_refused(written: str) -> None:
    """Also one of a later version."""
    with pytest.raises(ValueError, match=r"address|unpack|invalid"):
        read(written)


def test_a_token_is_tried_for_fourteen_minutes() -> None:
    """The last minute is left for an upload that is on its way."""
    where = Where(
        place="discord:1", channel=1, user=1, interaction=snowflake_at(1_700_000_000.0), token="t", most_bytes=1
    )
    assert made_at_s(where.interaction) == 1_700_000_000.0
    assert where.has_token(1_700_000_000.0 + 14 * 60 - 1)
    assert not where.has_token(1_700_000_000.0 + 14 * 60 + 1)


def test_an_id_of_a_moment_comes_before_those_made_in_it() -> None:
    """So that a channel can be read from that moment on; before 2015 there is nothing."""
    assert snowflake_at(EPOCH_MS / 1_000 - 5) == 0
    assert snowflake_at(2_000_000_000.0) < (((2_000_000_000_000 - EPOCH_MS) << 22) | 5)


def test_a_message_has_a_name() -> None:
    """Its channel and its id."""
    assert message_name(str(MessageName(3, 4))) == MessageName(3, 4)
