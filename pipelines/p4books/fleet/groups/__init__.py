"""Groups of tenants: one file with the published books of several."""
