"""The published file and everything that reads it."""
