"""Reading lists from the API into the spool."""
