"""Many tenants at once, alerts, and schedules: what runs p4books without anyone watching."""
