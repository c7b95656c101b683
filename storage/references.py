"""Which stored files something still refers to, as SQL about a row of `files`. Knows nothing of the disk."""

IS_UNREFERENCED = """
NOT EXISTS (SELECT 1 FROM pictures WHERE pictures.file = files.id)
AND NOT EXISTS (SELECT 1 FROM pictures WHERE pictures.thumbnail = files.id)
AND NOT EXISTS (SELECT 1 FROM pictures WHERE pictures.animation = files.id)
AND NOT EXISTS (SELECT 1 FROM requests WHERE requests.grid = files.id)
AND NOT EXISTS (SELECT 1 FROM jobs WHERE jobs.source = files.id)
"""
# Somebody put the same file a moment ago and is about to refer to it: it stays, if need be for the sweep of what nobody
# came for. Who calls `forget` may be the one who put it.
IS_FREE_OF_OTHERS = f"{IS_UNREFERENCED} AND NOT (n_unclaimed > 0 AND stored_ms > :now_ms - 60000)"
IS_FREE_OF_MORE = f"{IS_UNREFERENCED} AND NOT (n_unclaimed > 1 AND stored_ms > :now_ms - 60000)"
IS_NEEDED = """
EXISTS (SELECT 1 FROM jobs WHERE jobs.source = files.id AND jobs.state IN ('offered', 'waiting'))
OR EXISTS (SELECT 1 FROM pictures WHERE pictures.thumbnail = files.id)
"""

# What a full budget costs first, each oldest first: before anybody's picture what nobody came for, but for that of the
# last minutes, whose words are being typed. Thumbnails never go: without them the history shows nothing.
LOOSE_MS = 600_000
GOES_FIRST = (
    ("loose", f"{IS_UNREFERENCED} AND stored_ms <= :loose_ms"),
    ("animations", "EXISTS (SELECT 1 FROM pictures WHERE pictures.animation = files.id)"),
    ("grids", "EXISTS (SELECT 1 FROM requests WHERE requests.grid = files.id)"),
    ("originals", f"NOT ({IS_UNREFERENCED})"),
)
