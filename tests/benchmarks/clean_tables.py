"""A sync with staging models only, without reports.

This is what other loaders do; what the reports cost is measured separately.
"""

from tests.staging_sync import sync

from p4books.settings import load_settings

if __name__ == "__main__":
    raise SystemExit(bool(sync(load_settings(), full=True).faults))
