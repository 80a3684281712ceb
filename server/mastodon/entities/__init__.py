"""The entities of the client API, a file per noun: what clients read. Every field is always there."""
