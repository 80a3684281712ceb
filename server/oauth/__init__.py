"""OAuth 2 for client programs: no more than a person allowed, as whom they chose, until they take it back."""
