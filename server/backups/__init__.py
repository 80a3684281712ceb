"""Backups and moves: whole copies of a server's data, made while it runs, opened and checked before they count.

Nothing here overwrites anything. Every failure is a `Problem` with one line to read.
"""
