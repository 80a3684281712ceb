"""Who belongs to a circle here, and which local persons belong to groups elsewhere."""
