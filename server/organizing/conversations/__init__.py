"""Direct posts, put together by thread and people."""
