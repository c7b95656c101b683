"""The desk: who may do what and how much, and what admins do in the chat; the same on every platform."""
