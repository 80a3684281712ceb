"""Who follows whom: asked, answered, and taken back."""
