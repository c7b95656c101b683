"""How the page says no: a status of HTTP and a sentence for a person. No page of aiohttp's, and never a traceback."""

from http import HTTPStatus

from engine.errors import BadPicture, DarkroomError, UserError

NOT_FOUND = "There is nothing here under that name."
TOO_LARGE = "That is larger than {} MiB; send a smaller one."
_BY_STATUS = {
    HTTPStatus.NOT_FOUND: NOT_FOUND,
    HTTPStatus.METHOD_NOT_ALLOWED: "That cannot be done with this address.",
    HTTPStatus.REQUEST_ENTITY_TOO_LARGE: "That is more than a request may hold; send less.",
}


class Refused(Exception):
    """A request that is not served. `wait_s`: when to try again, for those who come too often."""

    def __init__(self, status: int, sentence: str, wait_s: float | None = None) -> None:
        super().__init__(sentence)
        self.status = status
        self.wait_s = wait_s


def refused(exc: DarkroomError) -> Refused:
    """What an error of ours means in HTTP."""
    match exc:
        case BadPicture():
            return Refused(HTTPStatus.UNPROCESSABLE_ENTITY, str(exc))
        case UserError():
            return Refused(HTTPStatus.NOT_FOUND, str(exc))
        case _:
            return Refused(HTTPStatus.SERVICE_UNAVAILABLE, str(exc))


def sentence_for(status: int) -> str:
    """What to say where there is only a status."""
    try:
        known = HTTPStatus(status)
    except ValueError:
        return "That did not work."
    return _BY_STATUS.get(known, f"That did not work: {known.phrase.lower()}.")
