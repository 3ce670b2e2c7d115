"""What did a sync do?"""

from dataclasses import dataclass, field

from p4books.errors import P4BooksError
from p4books.runlog import Reading


@dataclass
class Summary:
    """What a sync did: counts in rows, times in seconds; `faults` holds what could not be done.

    `notes` are sentences on what is not done yet or was met for the first time, though nothing went
    wrong.
    """

    tenant: str
    readings: list[Reading] = field(default_factory=list)
    faults: list[P4BooksError] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    requests: int = 0
    refused: int = 0
    waited: float = 0.0
    seconds: float = 0.0
    loaded: bool = False
    published: bool = False

    def sum(self, count: str) -> int:
        """Add up one count of all readings: new, changed, gone, findings."""
        return sum(int(getattr(reading, count)) for reading in self.readings)
