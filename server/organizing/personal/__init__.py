"""What an actor keeps for itself: sealed, found by its owner, shown to nobody else."""
