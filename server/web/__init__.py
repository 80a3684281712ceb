"""Pages for people: server-rendered, complete with JavaScript off, from this origin alone."""
