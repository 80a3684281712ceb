"""The Mastodon client API over the services: translates, and decides nothing. Nobody acts through it but by token."""
