"""Pages of the dashboard: one module each, with `show(reading)`."""
