"""Names of places, from large to small with colons between: "discord:1:2" lies in "discord:1". Pure."""

EVERYWHERE = ""


def places_of(place: str) -> tuple[str, ...]:
    """The place and all it lies in, smallest first: "discord:1:2", "discord:1", "discord"."""
    parts = place.split(":")
    return tuple(":".join(parts[:n]) for n in range(len(parts), 0, -1))


def lies_in(place: str, other: str) -> bool:
    """Whether a place is another or within it. Every place lies in "" (everywhere)."""
    return other == EVERYWHERE or place == other or place.startswith(f"{other}:")


def around(place: str) -> str:
    """What a place lies in next: "discord:1" of "discord:1:2", "" of "discord"."""
    return place.rpartition(":")[0]
