"""DuckDB connections, atomic files and locks, the SQLite run log, exact JSON."""
