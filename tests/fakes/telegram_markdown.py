"""MarkdownV2 as the fake Bot API reads it: what is reserved and not escaped is refused, as Telegram does."""

import re

from tests.fakes.telegram_refusals import Refusal
from tests.fakes.telegram_world import Json, units

_MARKS = {"*": "bold", "_": "italic", "__": "underline", "~": "strikethrough", "||": "spoiler"}
_RESERVED = "_*[]()~`>#+-=|{}.!"
_TOKEN = re.compile(r"```|\|\||__|\\.|.", re.DOTALL)
_LANGUAGE = re.compile(r"([\w+#.-]*)\n")


class _Reader:
    """One text. `opened`: marks that still wait for their end, with where they began in what is shown."""

    def __init__(self, text: str) -> None:
        self.text = text
        self.at = 0
        self.shown = ""
        self.entities: list[Json] = []
        self.opened: list[tuple[str, int]] = []

    def read(self) -> tuple[str, list[Json]]:
        while self.at < len(self.text):
            token = _TOKEN.match(self.text, self.at)
            assert token
            self._take(token[0])
        if self.opened:
            raise self._refusal(f"Can't find end of the entity starting with {self.opened[-1][0]}")
        return self.shown, self.entities

    def _take(self, token: str) -> None:
        start = self.at
        self.at += len(token)
        if token in ("```", "`"):
            self._code(token)
        elif token in _MARKS:
            self._mark(token)
        elif token == "[":
            self.opened.append((token, len(self.shown)))
        elif token == "]" and self.opened and self.opened[-1][0] == "[":
            self._link(self.opened.pop()[1])
        elif token == ">" and (start == 0 or self.text[start - 1] == "\n"):
            self._quote()
        elif token in _RESERVED:
            raise self._refusal(f"Character '{token}' is reserved and must be escaped with the preceding '\\'")
        else:
            self.shown += token[1] if len(token) == 2 and token[0] == "\\" else token

    def _mark(self, token: str) -> None:
        if any(each == token for each, _ in self.opened):
            if self.opened[-1][0] != token:
                raise self._refusal(f"Can't find end of the entity starting with {self.opened[-1][0]}")
            self._add(_MARKS[token], self.opened.pop()[1])
        else:
            self.opened.append((token, len(self.shown)))

    def _code(self, token: str) -> None:
        code = re.compile(rf"((?:\\.|[^\\])*?){token}", re.DOTALL).match(self.text, self.at)
        if not code:
            raise self._refusal(f"Can't find end of {'Pre' if token == '```' else 'Code'} entity")
        start, inside, self.at = len(self.shown), code[1], code.end()
        language = _LANGUAGE.match(inside) if token == "```" else None
        self.shown += re.sub(r"\\(.)", r"\1", inside[language.end() :] if language else inside)
        more = {"language": language[1]} if language and language[1] else {}
        self._add("pre" if token == "```" else "code", start, **more)

    def _link(self, start: int) -> None:
        link = re.compile(r"\(((?:\\.|[^)\\])*)\)").match(self.text, self.at)
        if link:
            self.at = link.end()
            self._add("text_link", start, url=re.sub(r"\\(.)", r"\1", link[1]))

    def _quote(self) -> None:
        end = self.text.find("\n", self.at)
        line, self.at = self.text[self.at : end if end >= 0 else None], end if end >= 0 else len(self.text)
        start = len(self.shown)
        inner = _Reader(line)
        shown, entities = inner.read()
        before = units(self.shown)
        self.shown += shown
        self.entities += [each | {"offset": each["offset"] + before} for each in entities]
        self._add("blockquote", start)

    def _add(self, kind: str, start: int, **more: str) -> None:
        length = units(self.shown[start:])
        if length:
            self.entities.append({"type": kind, "offset": units(self.shown[:start]), "length": length, **more})

    def _refusal(self, what: str) -> Refusal:
        return Refusal.bad(f"can't parse entities: {what} at byte offset {len(self.text[: self.at].encode())}")


def parse_markdown(text: str) -> tuple[str, list[Json]]:
    """The text without its marks, and entities. Raises: Refusal."""
    return _Reader(text).read()
