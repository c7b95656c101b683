"""The platforms people ask on: each turns its events into requests, and our cards into its messages."""
