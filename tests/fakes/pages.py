"""The page's JSON without a browser: what somebody does there, as it goes over the wire."""

import json
import time
import urllib.request
import uuid
from collections.abc import Callable
from typing import Any
from urllib.error import HTTPError

_WITHIN_S = 30.0


class Page:
    """An open page of a bot at `url`; on loopback that is the operator's."""

    def __init__(self, url: str) -> None:
        self.url = url

    def get(self, path: str) -> Any:
        """What an address says."""
        with urllib.request.urlopen(self.url + path, timeout=_WITHIN_S) as answer:
            return json.loads(answer.read())

    def post(self, path: str, body: dict[str, Any]) -> Any:
        """Do something; the answer, also one that refuses."""
        headers = {"Content-Type": "application/json", "X-Darkroom": "1"}
        request = urllib.request.Request(self.url + path, json.dumps(body).encode(), headers)
        try:
            with urllib.request.urlopen(request, timeout=_WITHIN_S) as answer:
                return json.loads(answer.read())
        except HTTPError as refused:
            with refused:
                return json.loads(refused.read())

    def type(self, text: str, key: str | None = None) -> Any:
        """Send a message; the card that answers."""
        return self.post("/api/ask", {"text": text, "key": key or uuid.uuid4().hex})

    def press(self, button: str, key: str | None = None) -> Any:
        """Press a button; the card that answers."""
        return self.post("/api/press", {"button": button, "key": key or uuid.uuid4().hex})

    def card(self, request: str) -> Any:
        """A message as it is now."""
        return next(card for card in self.get("/api/conversation")["cards"] if card["id"] == request)

    def card_in(self, request: str, *states: str, within_s: float = 60.0) -> Any:
        """The message once it is in one of these states."""
        return self.card_that(request, lambda card: card["state"] in states, within_s)

    def card_that(self, request: str, fits: Callable[[Any], bool], within_s: float = 60.0) -> Any:
        """The message once it is as somebody waits for it to be."""
        ends_at = time.monotonic() + within_s
        while not fits(card := self.card(request)):
            if time.monotonic() > ends_at:
                raise AssertionError(f"still {card['state']}: {card['sentence']}")
            time.sleep(0.05)
        return card
