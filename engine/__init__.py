"""Draws pictures. Knows nothing of chats, people's names or databases."""
