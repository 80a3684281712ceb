"""What somebody is told of, and wants to be told of."""
