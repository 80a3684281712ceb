"""What actors say, who gets it, and how others react to it."""
