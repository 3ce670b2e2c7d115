"""Backups of a tenant: consistent sets of its private files, kept by rules, and restored."""
