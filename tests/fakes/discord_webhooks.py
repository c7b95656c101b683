"""Answers to interactions of the fake Discord: the callback, `@original`, followups; and the rules about their time."""

from typing import Any

from tests.fakes.discord_calls import Answer, Call
from tests.fakes.discord_interactions import (
    ACK_S,
    AUTOCOMPLETE,
    CHOICES,
    COMMAND,
    COMPONENT,
    DEFER,
    DEFER_UPDATE,
    FORM,
    MODAL,
    MOST_FOLLOWUPS_OF_USER_APPS,
    REPLY,
    TOKEN_S,
    UPDATE,
    Interaction,
)
from tests.fakes.discord_messages import Messages, Origin
from tests.fakes.discord_people import People, seen_by
from tests.fakes.discord_refusals import Refusal, Why
from tests.fakes.discord_rules import modal_errors
from tests.fakes.discord_wire import message_json
from tests.fakes.discord_world import EPHEMERAL, Json, Message, Permission

_CHAT_COMMAND, _MENU_COMMAND, _REPLY = 20, 23, 19  # types of messages


class Webhooks:
    """The routes of an interaction's token. `needs_attach_files`: files need that permission here too."""

    def __init__(self, people: People, messages: Messages) -> None:
        self._people = people
        self._messages = messages
        self.needs_attach_files = False

    # The callback

    def callback(self, call: Call, interaction_id: str, token: str) -> Answer:
        """POST /interactions/{id}/{token}/callback."""
        interaction = self._people.interactions.get(token)
        if interaction is None or str(interaction.id) != interaction_id:
            raise Refusal(Why.UNKNOWN_INTERACTION)
        if interaction.acked_at is not None:
            raise Refusal(Why.ALREADY_ACKNOWLEDGED)
        if not interaction.dispatched_at or interaction.age_s > ACK_S:
            raise Refusal(Why.UNKNOWN_INTERACTION)
        kind, body = call.body.get("type"), call.body.get("data") or {}
        self._check_kind(interaction, kind, body)
        self._answer(interaction, kind, body, call)
        interaction.response_type, interaction.response = kind, {**call.body, "data": body}
        interaction.acked_at = self._people.now()
        self._people.touch()
        if call.query.get("with_response", "").lower() not in ("1", "true"):
            return 204, None
        return 200, self._callback_json(interaction, kind)

    def _check_kind(self, interaction: Interaction, kind: Any, body: Json) -> None:
        allowed = {
            COMMAND: (REPLY, DEFER, FORM),
            COMPONENT: (REPLY, DEFER, DEFER_UPDATE, UPDATE, FORM),
            AUTOCOMPLETE: (CHOICES,),
            MODAL: (REPLY, DEFER, DEFER_UPDATE, UPDATE) if interaction.origin else (REPLY, DEFER),
        }[interaction.type]
        if kind not in allowed:
            raise Refusal.form({"type": f"Value must be one of {allowed}."})
        if kind == FORM and (errors := modal_errors(body)):
            raise Refusal.form(errors)
        if kind == CHOICES and len(body.get("choices") or []) > 25:
            raise Refusal.form({"data.choices": "Must be 25 or fewer in length."})
        if kind == CHOICES:
            for number, choice in enumerate(body.get("choices") or []):
                if not 1 <= len(choice["name"]) <= 100 or len(str(choice["value"])) > 100:
                    raise Refusal.form({f"data.choices.{number}": "Must be between 1 and 100 in length."})
        if kind == DEFER and int(body.get("flags") or 0) & ~EPHEMERAL:
            raise Refusal.form({"data.flags": "Only EPHEMERAL can be set on a deferred answer"})

    def _answer(self, interaction: Interaction, kind: int, body: Json, call: Call) -> None:
        if kind in (REPLY, DEFER):
            origin = self._origin(interaction, int(body.get("flags") or 0))
            self._check_files(interaction, call)
            made = self._messages.create(origin, body, call.parts) if kind == REPLY else self._messages.defer(origin)
            interaction.message = made
        elif kind in (UPDATE, DEFER_UPDATE):
            assert interaction.origin
            if interaction.origin.deleted:
                raise Refusal(Why.UNKNOWN_MESSAGE)
            self._check_files(interaction, call)
            if kind == UPDATE:
                self._messages.edit(interaction.origin, body, call.parts)
            interaction.message = interaction.origin

    def _origin(self, interaction: Interaction, flags: int) -> Origin:
        must = self._people.must_be_ephemeral(interaction)
        kind = {COMMAND: _MENU_COMMAND if "target_id" in interaction.data else _CHAT_COMMAND}.get(interaction.type, 0)
        return Origin(
            channel=interaction.channel,
            author=self._people.bot,
            type=kind,
            interaction=interaction,
            seen_by=seen_by(interaction, flags, must=must),
        )

    def _callback_json(self, interaction: Interaction, kind: int) -> Json:
        message = interaction.message
        told: Json = {"id": str(interaction.id), "type": interaction.type}
        if message:
            told |= {
                "response_message_id": str(message.id),
                "response_message_loading": message.is_loading,
                "response_message_ephemeral": message.is_ephemeral,
            }
        if message and kind in (REPLY, UPDATE):
            return {"interaction": told, "resource": {"type": kind, "message": message_json(message)}}
        return {"interaction": told}

    # Afterwards

    def _alive(self, application_id: str, token: str) -> Interaction:
        interaction = self._people.interactions.get(token)
        if interaction is None or application_id != str(self._people.application_id):
            raise Refusal(Why.UNKNOWN_WEBHOOK)
        if interaction.age_s > TOKEN_S:
            raise Refusal(Why.WEBHOOK_TOKEN)
        if interaction.acked_at is None:
            raise Refusal(Why.UNKNOWN_WEBHOOK)
        if interaction.channel.is_gone:
            raise Refusal(Why.UNKNOWN_CHANNEL)
        return interaction

    def _message(self, interaction: Interaction, message_id: str) -> Message:
        mine = [interaction.message] if interaction.message else []
        known = mine if message_id == "@original" else [*mine, *interaction.followups]
        found = next((each for each in known if message_id in ("@original", str(each.id))), None)
        if found is None or found.deleted:
            raise Refusal(Why.UNKNOWN_MESSAGE)
        return found

    def _check_files(self, interaction: Interaction, call: Call) -> None:
        may = interaction.channel.what_the_app_may
        if call.parts and self.needs_attach_files and not may & Permission.ATTACH_FILES:
            raise Refusal(Why.MISSING_PERMISSIONS)

    def get(self, _call: Call, application_id: str, token: str, message_id: str) -> Answer:
        """GET /webhooks/{app}/{token}/messages/{id}."""
        return 200, message_json(self._message(self._alive(application_id, token), message_id))

    def patch(self, call: Call, application_id: str, token: str, message_id: str) -> Answer:
        """PATCH the same."""
        interaction = self._alive(application_id, token)
        message = self._message(interaction, message_id)
        if message.channel.is_archived:
            raise Refusal(Why.ARCHIVED)
        self._check_files(interaction, call)
        self._messages.edit(message, call.body, call.parts)
        return 200, message_json(message)

    def delete(self, _call: Call, application_id: str, token: str, message_id: str) -> Answer:
        """DELETE the same."""
        self._messages.delete(self._message(self._alive(application_id, token), message_id))
        return 204, None

    def follow_up(self, call: Call, application_id: str, token: str) -> Answer:
        """POST /webhooks/{app}/{token}; the first one after a deferred answer becomes that answer (docs)."""
        interaction = self._alive(application_id, token)
        self._check_files(interaction, call)
        first = interaction.message
        if first and first.is_loading and not first.deleted:
            self._messages.edit(
                first, {**call.body, "flags": int(call.body.get("flags") or 0) | first.flags}, call.parts
            )
            return 200, message_json(first)
        if interaction.is_for_user_alone and len(interaction.followups) >= MOST_FOLLOWUPS_OF_USER_APPS:
            raise Refusal(Why.TOO_MANY_FOLLOWUPS)
        origin = self._origin(interaction, int(call.body.get("flags") or 0))
        origin.type, origin.reply_to = (_REPLY, first) if first else (origin.type, None)
        message = self._messages.create(origin, call.body, call.parts)
        interaction.followups.append(message)
        self._people.touch()
        return 200, message_json(message)
