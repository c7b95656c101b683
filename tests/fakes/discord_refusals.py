"""How Discord says no: status, code and sentence, by the names of its documentation."""

from collections.abc import Mapping
from enum import Enum
from typing import Any


class Why(Enum):
    """Status, code, sentence."""

    UNAUTHORIZED = (401, 0, "401: Unauthorized")
    NO_ROUTE = (404, 0, "404: Not Found")
    UNKNOWN_CHANNEL = (404, 10003, "Unknown Channel")
    UNKNOWN_GUILD = (404, 10004, "Unknown Guild")
    UNKNOWN_MESSAGE = (404, 10008, "Unknown Message")
    UNKNOWN_USER = (404, 10013, "Unknown User")
    UNKNOWN_WEBHOOK = (404, 10015, "Unknown Webhook")
    UNKNOWN_INTERACTION = (404, 10062, "Unknown interaction")
    TOO_MANY_COMMANDS = (400, 30032, "Maximum number of application commands reached (100).")
    TOO_LARGE = (413, 40005, "Request entity too large")
    FORUM = (400, 40058, "Cannot send a message in a forum channel")
    ALREADY_ACKNOWLEDGED = (400, 40060, "Interaction has already been acknowledged.")
    TOO_MANY_FOLLOWUPS = (400, 40094, "This interaction has hit the maximum number of follow up messages")
    MISSING_ACCESS = (403, 50001, "Missing Access")
    NOT_THE_AUTHOR = (403, 50005, "Cannot edit a message authored by another user")
    EMPTY_MESSAGE = (400, 50006, "Cannot send an empty message")
    BLOCKED = (403, 50007, "Cannot send messages to this user")
    MISSING_PERMISSIONS = (403, 50013, "Missing Permissions")
    WEBHOOK_TOKEN = (401, 50027, "Invalid Webhook Token")
    FORM = (400, 50035, "Invalid Form Body")
    ARCHIVED = (400, 50083, "Thread is archived")
    BAD_JSON = (400, 50109, "The request body contains invalid JSON.")
    NO_SUCH_FILE = (400, 50146, "Uploaded file not found.")
    NO_REPLY_WITHOUT_HISTORY = (400, 160002, "Cannot reply without permission to read message history")
    LOCKED = (400, 160005, "Thread is locked")


class Refusal(Exception):
    """The answer to a call that is not done."""

    def __init__(self, why: Why, errors: Mapping[str, str] | None = None) -> None:
        self.status, self.code, self.sentence = why.value
        self.errors = dict(errors or {})
        super().__init__(f"{self.status} {self.code}: {self.sentence} {self.errors or ''}")

    @classmethod
    def form(cls, errors: Mapping[str, str]) -> "Refusal":
        """The body is wrong. `errors`: where ("components.0.label") → what."""
        return cls(Why.FORM, errors)

    def body(self) -> dict[str, Any]:
        """As it is answered."""
        said: dict[str, Any] = {"message": self.sentence, "code": self.code}
        if self.errors:
            said["errors"] = {}
            for path, what in self.errors.items():
                place = said["errors"]
                for part in path.split("."):
                    place = place.setdefault(part, {})
                place.setdefault("_errors", []).append({"code": "BASE_TYPE_BAD_VALUE", "message": what})
        return said
