"""Tells programs at once what happened, as they would read it: WebSockets and server-sent events."""
