"""P4 Books on this machine, made from its contract: what may a program take from it?"""

from p4books_sandbox.faults import Fault
from p4books_sandbox.log import Arrival
from p4books_sandbox.options import Options
from p4books_sandbox.records import RecordList
from p4books_sandbox.sandbox import Sandbox

__all__ = ["Arrival", "Fault", "Options", "RecordList", "Sandbox"]
