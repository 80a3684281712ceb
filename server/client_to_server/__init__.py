"""ActivityPub client to server (section 6): what an actor's owner posts to its outbox, and reads in its inbox."""
