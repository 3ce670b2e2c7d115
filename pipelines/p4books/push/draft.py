"""What will be sent?"""

from dataclasses import dataclass


@dataclass(frozen=True)
class Draft:
    """One record, checked, as it will be sent.

    `row` is where it begins in the file; `body` its JSON, names sorted, nulls left out, numbers
    exact; `hash` is the SHA-256 of endpoint and body: two rows with the same hash are the same.
    `stands_as` is the id of the record that has its code in the books already, be it in another
    spelling, and `stands_code` how it is spelt there; None where none has.
    """

    row: int
    code: str
    body: bytes
    hash: str
    stands_as: str | None = None
    stands_code: str | None = None
