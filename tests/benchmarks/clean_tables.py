"""How long does a sync take that makes the clean tables, and no reports?

That is what other loaders do; what the reports cost is measured by itself.
"""

from tests.staging_sync import sync

from p4books.settings import load_settings

if __name__ == "__main__":
    raise SystemExit(bool(sync(load_settings(), full=True).faults))
