"""Discord: slash commands, buttons and messages in front of the studio."""
