"""Talks to people: the command line today, chats and a page later. Wires storage and engine together."""
