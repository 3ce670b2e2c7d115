"""What may a push do?"""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Wishes:
    """What is wished of one push, beyond the ordinary.

    `renamed`: our field by the file's column; where it is empty the column is left out. `dry_run`:
    only check. `limit`: how many records it sends at most. `skip_bad`: send the good rows though
    others have faults. `again`: states of rows (refused, unknown) that are sent once more.
    `allow_renumbering`: go on though P4 Books gives records codes of its own. `same_books`: these
    are the books of before, though they have another address.
    """

    renamed: Mapping[str, str] = field(default_factory=dict)
    dry_run: bool = False
    limit: int | None = None
    skip_bad: bool = False
    again: frozenset[str] = frozenset()
    allow_renumbering: bool = False
    same_books: bool = False
