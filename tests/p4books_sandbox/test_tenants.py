"""Many tenants on one port: each has its own books, key, faults and log."""

import requests

from p4books_sandbox import Fault, SandboxFleet


def _get(fleet: SandboxFleet, tenant: str, key: str | None = None) -> requests.Response:
    return requests.get(
        f"{fleet.base_url.replace('{tenant}', tenant)}/invoices",
        headers={"Authorization": f"Bearer {key or fleet.key(tenant)}"},
        timeout=10,
    )


def test_own_books() -> None:
    """What is changed in the books of one tenant, or staged for it, concerns no other."""
    with SandboxFleet(invoices=20, limit=0, key="key-of-{tenant}") as fleet:
        assert _get(fleet, "north").json() == _get(fleet, "south").json()

        fleet.tenant("north").books["invoices"].replace(1, status="Void")
        fleet.tenant("north").books["invoices"].delete(2)
        fleet.tenant("south").faults.stage(Fault("status", status=503))

        assert _get(fleet, "north").json()["total"] == 19
        assert _get(fleet, "south").status_code == 503
        assert _get(fleet, "south").json()["total"] == 20
        assert _get(fleet, "south").json()["data"][0]["status"] != "Void"
        assert _get(fleet, "north", fleet.key("south")).status_code == 401
        assert len(fleet.tenant("south").log) == 4
        assert len(fleet.tenant("west").log) == 0


def test_limit_of_a_key() -> None:
    """Tenants that share a key share its limit; one with its own key has its own limit."""
    for key, statuses in (("shared", [200, 200, 429, 429]), ("of-{tenant}", [200] * 4)):
        with SandboxFleet(invoices=0, limit=2, key=key) as fleet:
            codes = [_get(fleet, name).status_code for name in ("north", "south", "north", "south")]

        assert codes == statuses


def test_no_tenant() -> None:
    """A path without a tenant is answered with a sentence."""
    with SandboxFleet(invoices=0) as fleet:
        root = fleet.base_url.partition("/{tenant}")[0]
        answer = requests.get(f"{root}/invoices", timeout=10)

    assert answer.status_code == 404
    assert "name of a tenant" in answer.text
