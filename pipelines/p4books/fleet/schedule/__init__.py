"""Schedules for cron, systemd, GitHub and GitLab: ready files that run the syncs."""
