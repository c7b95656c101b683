"""Telegram: prompts, pictures and buttons in private chats, groups and topics, in front of the studio."""
