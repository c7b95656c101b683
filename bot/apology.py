"""What somebody reads when we broke, at the edge of any platform; the log has the rest."""

import secrets

import structlog

_BROKE = "Something broke on our side (ref {})."

log: structlog.typing.FilteringBoundLogger = structlog.get_logger(__name__)


def unexpected(doing: str) -> str:
    """Log the exception that is being handled, and say where to find it. `doing` holds nothing private."""
    ref = secrets.token_hex(2)
    log.exception("something broke", ref=ref, doing=doing)
    return _BROKE.format(ref)
