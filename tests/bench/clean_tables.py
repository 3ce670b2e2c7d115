"""How long does a sync take that makes the clean tables, and no reports?

That is what other loaders do; what the reports cost is measured by itself.
"""

from tests.p4books.quick import sync

from p4books.settings import load

if __name__ == "__main__":
    raise SystemExit(bool(sync(load(), full=True).faults))
