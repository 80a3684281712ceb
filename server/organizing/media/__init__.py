"""Pictures: taken in without what they say besides, kept sealed, shown to whoever holds their address."""
