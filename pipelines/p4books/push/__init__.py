"""Creating records through the API, each at most once."""
