"""Reports about people here, and which servers and actors this one has nothing to do with."""
