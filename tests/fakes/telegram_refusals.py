"""How the fake Bot API says no: status and sentence, as tdlib/telegram-bot-api and Telegram's servers word them."""

from enum import Enum
from typing import Any


class Why(Enum):
    """Status and sentence."""

    NO_METHOD = (404, "Not Found: method not found")
    NOT_FOUND = (404, "Not Found")  # what does not look like a token
    UNAUTHORIZED = (401, "Unauthorized")
    LOGGED_OUT = (400, "Logged out")
    TOO_LARGE = (413, "Request Entity Too Large")
    WEBHOOK_ACTIVE = (
        409,
        "Conflict: can't use getUpdates method while webhook is active; use deleteWebhook to delete the webhook first",
    )
    OTHER_POLLER = (
        409,
        "Conflict: terminated by other getUpdates request; make sure that only one bot instance is running",
    )
    WEBHOOK_SET = (409, "Conflict: terminated by setWebhook request")

    NO_CHAT_ID = (400, "chat_id is empty")
    NO_CHAT = (400, "chat not found")
    NO_USER = (400, "user not found")
    UPGRADED = (400, "group chat was upgraded to a supergroup chat")
    BLOCKED = (403, "bot was blocked by the user")
    NEVER_STARTED = (403, "bot can't initiate conversation with a user")
    TO_A_BOT = (403, "bot can't send messages to bots")
    NOT_POSTING = (400, "need administrator rights in the channel chat")
    NO_ACTION = (400, "wrong parameter action in request")

    NO_REPLY = (400, "message to be replied not found")
    NO_THREAD = (400, "message thread not found")
    TOPIC_CLOSED = (400, "TOPIC_CLOSED")
    NOT_TO_EDIT = (400, "message to edit not found")
    NOT_TO_DELETE = (400, "message to delete not found")
    NO_MESSAGE_ID = (400, "message identifier is not specified")
    CANT_EDIT = (400, "message can't be edited")
    CANT_DELETE = (400, "message can't be deleted")
    TOO_OLD_TO_DELETE = (400, "message can't be deleted for everyone")
    NO_TEXT_TO_EDIT = (400, "there is no text in the message to edit")
    NO_CAPTION_TO_EDIT = (400, "there is no caption in the message to edit")
    NOT_MODIFIED = (
        400,
        "message is not modified: specified new message content and reply markup are exactly the same as a current "
        "content and reply markup of the message",
    )

    NO_TEXT = (400, "message text is empty")
    BLANK_TEXT = (400, "text must be non-empty")
    LONG_TEXT = (400, "message is too long")
    LONG_CAPTION = (400, "message caption is too long")
    PARSE_MODE = (400, "unsupported parse_mode")

    NO_PHOTO = (400, "there is no photo in the request")
    NO_DOCUMENT = (400, "there is no document in the request")
    NO_ANIMATION = (400, "there is no animation in the request")
    EMPTY_FILE = (400, "file must be non-empty")
    NO_IMAGE = (400, "IMAGE_PROCESS_FAILED")
    DIMENSIONS = (400, "PHOTO_INVALID_DIMENSIONS")
    FILE_ID = (400, "wrong file identifier/HTTP URL specified")
    BAD_FILE_ID = (400, "invalid file_id")
    URL = (400, "failed to get HTTP URL content")
    FILE_TOO_BIG = (400, "file is too big")
    MEDIA_MISSING = (400, "media not found")
    MEDIA_TYPE = (400, "can't parse InputMedia: media type is invalid")
    INLINE_UPLOAD = (400, "can't upload a file to an inline message")
    FEW_MEDIA = (400, "an album has 2 to 10 items")  # Telegram's documentation; its words are unknown
    ALBUM_MIX = (400, "Can't use the media of the specified type in the album")

    BUTTON_TYPE = (400, "can't parse inline keyboard button: Text buttons are unallowed in the inline keyboard")
    BUTTON_TWO = (400, "can't parse inline keyboard button: exactly one of the optional fields must be used")
    BUTTON_TEXT = (400, "can't parse inline keyboard button: text is empty")
    BUTTON_STYLE = (400, "can't parse inline keyboard button: style is unknown")
    BUTTON_DATA = (400, "BUTTON_DATA_INVALID")
    BUTTON_URL = (400, "BUTTON_URL_INVALID")
    BUTTON_COPY = (400, "BUTTON_COPY_TEXT_INVALID")
    MARKUP = (400, "can't parse reply keyboard markup JSON object")
    LONG_MARKUP = (400, "reply markup is too long")

    QUERY = (400, "query is too old and response timeout expired or query ID is invalid")
    LONG_ANSWER = (400, "MESSAGE_TOO_LONG")
    RESULTS = (400, "RESULTS_TOO_MUCH")
    RESULT_ID = (400, "RESULT_ID_INVALID")
    RESULT_TWICE = (400, "RESULT_ID_DUPLICATE")
    RESULT_TYPE = (400, "RESULT_TYPE_INVALID")
    NEXT_OFFSET = (400, "NEXT_OFFSET_INVALID")
    START_PARAMETER = (400, "START_PARAM_INVALID")

    COMMAND = (400, "BOT_COMMAND_INVALID")
    COMMAND_DESCRIPTION = (400, "BOT_COMMAND_DESCRIPTION_INVALID")
    COMMANDS = (400, "BOT_COMMANDS_TOO_MUCH")
    LANGUAGE = (400, "invalid language code specified")
    SCOPE = (400, "can't parse BotCommandScope: unsupported type specified")
    DESCRIPTION = (400, "bot description is too long")

    WEBHOOK_URL = (400, "bad webhook: an HTTPS URL must be provided for webhook")
    WEBHOOK_HOST = (400, "bad webhook: Failed to resolve host: Temporary failure in name resolution")
    SECRET = (400, "secret token contains unallowed characters")
    LONG_SECRET = (400, "secret token is too long")
    JSON = (400, "can't parse a JSON object in the request")


_PREFIXES = {400: "Bad Request", 403: "Forbidden"}


class Refusal(Exception):
    """The answer to a call that is not done. `parameters`: retry_after, migrate_to_chat_id."""

    def __init__(self, why: Why | tuple[int, str], **parameters: int | float) -> None:
        self.status, sentence = why.value if isinstance(why, Why) else why
        prefix = _PREFIXES.get(self.status)
        self.sentence = f"{prefix}: {sentence}" if prefix else sentence
        self.parameters = parameters
        super().__init__(f"{self.status}: {self.sentence} {parameters or ''}")

    @classmethod
    def bad(cls, sentence: str) -> "Refusal":
        """The request is wrong, in so many words."""
        return cls((400, sentence))

    def body(self) -> dict[str, Any]:
        """As it is answered."""
        said: dict[str, Any] = {"ok": False, "error_code": self.status, "description": self.sentence}
        return said | {"parameters": self.parameters} if self.parameters else said
