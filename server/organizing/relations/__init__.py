"""How an actor stands to others, in its own eyes: blocks, mutes, notes, endorsements, domains."""
