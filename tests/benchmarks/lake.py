"""What the lake and the home cost a run, in CPU seconds of the run, in a folder and in an S3."""

import statistics
import tempfile
from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path

from tests.benchmarks.figures import Figure
from tests.benchmarks.processes import make_sandbox
from tests.benchmarks.servers import Servers, describe_lake, run_servers
from tests.benchmarks.tenant import Tenant

BAR_QUIET = 0.3  # more CPU seconds
BAR_CHANGED = 2.0  # compared with a run that makes the file alone
CHANGED = 10  # invoices


def compare(rounds: int, invoices: int) -> list[Figure]:
    """Measure and return the figures."""
    shape = f"{invoices:,} invoices"
    figures = []
    with run_servers() as servers, tempfile.TemporaryDirectory() as place:
        folder = Path(place)
        for where, storage in (("a folder", str(folder / "shared")), ("S3", servers.storage)):
            quiet, changed = _measure(servers, folder / where, storage, rounds, invoices)
            for what in ("lake", "lake and home"):
                more = quiet[what] - quiet["file"]
                times = changed[what] / changed["file"]
                name = f"{what} in {where}"
                figures += [
                    Figure(f"quiet run, {name}: more", more, BAR_QUIET, unit="s", shape=shape),
                    Figure(f"changed run, {name} : file alone", times, BAR_CHANGED, shape=shape),
                ]
    return figures


def _measure(
    servers: Servers, folder: Path, storage: str, rounds: int, invoices: int
) -> tuple[dict[str, float], dict[str, float]]:
    """Return the median CPU seconds of quiet and of changed runs."""
    variables: dict[str, Mapping[str, str]] = {
        "file": {},
        "lake": describe_lake(servers, f"{storage}/1"),
        "lake and home": describe_lake(servers, f"{storage}/2", f"{storage}/home"),
    }
    quiet: dict[str, list[float]] = {name: [] for name in variables}
    changed: dict[str, list[float]] = {name: [] for name in variables}
    with ExitStack() as stack:
        tenants = {}
        for name, own in variables.items():
            tenant = Tenant(stack.enter_context(make_sandbox(invoices)), folder / name)
            tenant.environment.update(own)
            print(f"first run, {name}: {tenant.first_sync()}")
            tenants[name] = tenant
        for _ in range(rounds):
            for name, tenant in tenants.items():
                before = servers.count_requests()
                quiet[name].append(tenant.quiet_run().cpu)
                between = servers.count_requests()
                changed[name].append(tenant.run_with_invoices(CHANGED).cpu)
                after = servers.count_requests()
                print(f"{name} in {storage}: quiet {quiet[name][-1]:.2f} s, changed", end=" ")
                print(f"{changed[name][-1]:.2f} s; {_less(between, before)} requests of S3, then")
                print(f"  {_less(after, between)}")
    return (
        {name: statistics.median(each) for name, each in quiet.items()},
        {name: statistics.median(each) for name, each in changed.items()},
    )


def _less(after: Mapping[str, int], before: Mapping[str, int]) -> dict[str, int]:
    return {name: number - before.get(name, 0) for name, number in after.items()}
