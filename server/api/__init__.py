"""What every interface for programs shares: who may call, what was given, how problems are told, pages of lists."""
