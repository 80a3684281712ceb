"""Pseudonymous local accounts, and what persons elsewhere say of themselves."""
