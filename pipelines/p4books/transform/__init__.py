"""SQL models, checks and seeds."""
