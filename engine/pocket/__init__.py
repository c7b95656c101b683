"""Pocket: the small text-to-image model that ships with Darkroom, and everything needed to train it again.

Knows nothing of jobs, owners or chats. The rest of Darkroom sees only the `weights` folder.
"""
