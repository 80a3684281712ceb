"""What the operator's own tools ask a running server: is it alive, is it ready, how much. On loopback only."""
