"""Lists of those whom somebody follows, to read them by themselves."""
