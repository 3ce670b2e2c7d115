"""Loading the spool into the warehouse."""
