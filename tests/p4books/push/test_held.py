"""Which records did we hold before an instant?"""

from datetime import UTC, datetime, timedelta

from tests.staging_sync import sync

from p4books.endpoints import ENDPOINTS
from p4books.push.lookups import find_held_before
from p4books.settings import Settings
from p4books_sandbox import Sandbox

INVOICES = ENDPOINTS["invoices"]


def test_held_before(sandbox: Sandbox, settings: Settings) -> None:
    """Ids count that were held at that instant, gone ones too, and none that came later."""
    there, gone = (str(id_) for id_ in sandbox.books["invoices"].ids()[:2])
    sync(settings, ["invoices"])
    sandbox.books["invoices"].delete(int(gone))
    sync(settings, ["invoices"])
    between = datetime.now(UTC)
    late = str(sandbox.books["invoices"].insert({"code": "F-9"}))
    sync(settings, ["invoices"])
    asked = [there, gone, late, "nobody"]

    warehouse = settings.warehouse

    assert find_held_before(warehouse, INVOICES, asked, between) == {there, gone}
    assert late in find_held_before(warehouse, INVOICES, asked, datetime.now(UTC))
    assert find_held_before(warehouse, INVOICES, asked, between - timedelta(days=1)) == set()
    assert find_held_before(warehouse, INVOICES, [], between) == set()
