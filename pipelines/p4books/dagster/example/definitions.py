"""Definitions for `dagster dev`: two tenants on sandboxes, and their group."""

from pathlib import Path

import dagster as dg

from p4books.dagster import build_definitions


@dg.definitions
def defs() -> dg.Definitions:
    """Build the definitions from the settings in this folder, with running schedules."""
    return build_definitions(Path(__file__).parent, running=True)
