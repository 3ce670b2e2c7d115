"""Readers of the files that can be pushed."""
