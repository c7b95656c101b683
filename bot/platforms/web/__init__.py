"""The local web page: a chat in the browser."""
