"""P4 Books on this machine, made from its contract, for tests and demos."""

from p4books_sandbox.faults import Arrival, Fault
from p4books_sandbox.options import Options
from p4books_sandbox.sandbox import Sandbox
from p4books_sandbox.store import RecordList
from p4books_sandbox.tenants import SandboxFleet

__all__ = ["Arrival", "Fault", "Options", "RecordList", "Sandbox", "SandboxFleet"]
