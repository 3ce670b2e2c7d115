"""Dagster: assets, checks, schedules and sensors for the tenants of the settings.

`definitions` builds them; `tenant` is what those of one tenant have in common, `raw` its sync,
`models` what that publishes, `lake` and `groups` where that goes; `failures` says what is tried
again, and tells the channels of the alerts about the rest. An asset calls what the command line
calls, and finds out afterwards what that did.
"""

from p4books.dagster.definitions import P4Books, build_definitions

__all__ = ["P4Books", "build_definitions"]
