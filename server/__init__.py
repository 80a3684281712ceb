"""Groundswell, the application: it registers the meanings of an organizing server with the federation library."""
