"""Which field is each column of a file?"""

from collections.abc import Mapping
from dataclasses import dataclass, replace

from p4books.api.spelling import spelling
from p4books.endpoint import Endpoint, Fields, Kind
from p4books.errors import UsageError
from p4books.nearest import nearest
from p4books.push.books import REFERENCES
from p4books.push.references import By
from p4books.push.values import Unfit, shown


@dataclass(frozen=True)
class Place:
    """Where the values of a column go: to a field of the record, or of the items in a list of it.

    `kind` is None where the column holds a whole list. `by` is how it names a record.
    """

    field: str
    kind: Kind | None
    items_of: str | None = None
    by: By = By.EITHER


Places = Mapping[str, Place]


def places(endpoint: Endpoint) -> dict[str, Place]:
    """Return every name that a column may have, in our spelling, and its place.

    Where a record has one list, the fields of its items may stand beside the record's own: under
    their names where the record has no such field, and always after the list's (line_subtotal).
    """
    found = _own(endpoint.fields) | {name: Place(name, None) for name in endpoint.inner}
    if len(endpoint.inner) == 1:
        ((inner, fields),) = endpoint.inner.items()
        items = item_places(fields, inner)
        one = inner.removesuffix("es") if inner.endswith("sses") else inner.removesuffix("s")
        found = {f"{one}_{name}": place for name, place in items.items()} | items | found
    return found


def item_places(fields: Fields, inner: str) -> dict[str, Place]:
    """Return the same of the items in a list that stands in one value."""
    return {name: replace(place, items_of=inner) for name, place in _own(fields).items()}


def _own(fields: Fields) -> dict[str, Place]:
    named = {name: Place(name, kind) for name, kind in fields.items() if name != "id"}
    spelled = {}
    for name in named.keys() & REFERENCES.keys():
        noun = name.removesuffix("_id")
        spelled[noun] = Place(name, Kind.TEXT)
        spelled[f"{noun}_code"] = Place(name, Kind.TEXT, by=By.CODE)
    return spelled | named


class Columns:
    """The columns of a file or of the items in it; `of` is whose they are: invoices, lines.

    `renamed` says of some which field they are, under another name; an empty one leaves it out.
    """

    def __init__(self, of: str, known: Places, renamed: Mapping[str, str] | None = None) -> None:
        self._of = of
        self._known = known
        self._names = frozenset(known)
        self._renamed = {_plain(theirs): ours for theirs, ours in (renamed or {}).items()}
        self._found: dict[str, Place | Unfit | None] = {}

    def find(self, column: str) -> Place | Unfit | None:
        """Return a column's place, or why it has none; None where it is left out."""
        if column not in self._found:
            self._found[column] = self._look_up(column)
        return self._found[column]

    def check(self, renamed: Mapping[str, str]) -> None:
        """Make sure that what columns are renamed to exists. Raises UsageError."""
        for theirs, ours in renamed.items():
            name = spelling(ours, self._names)
            if ours and name not in self._known:
                why = (
                    "P4 Books gives the ids"
                    if name == "id"
                    else f"there is no field {ours} in {self._of}"
                )
                end = "." if name == "id" else nearest(name, sorted(self._names))
                raise UsageError(f"`--map {theirs}={ours}`: {why}{end} Nothing was sent.")

    def _look_up(self, column: str) -> Place | Unfit | None:
        ours = self._renamed.get(_plain(column))
        if ours == "":
            return None
        if ours and (place := self._known.get(spelling(ours, self._names))):
            return place
        name = spelling(column, self._names | {"id"})
        return self._known.get(name) or self._unknown(column, name)

    def _unknown(self, column: str, name: str) -> Unfit:
        map_it = f"`--map {_argument(column, 'FIELD')}`"
        leave_it = f"`--map {_argument(column)}`"
        if not column.strip():
            return Unfit("A column without a name holds values.", "Name it in the file's header.")
        if name == "id":
            return Unfit("P4 Books gives the ids.", f"Leave the column out: {leave_it}.")
        like = nearest(name, sorted(self._names), "none is like it.")
        return Unfit(
            f"There is no field {shown(column)} in {self._of}{like}",
            f"Say which field it is with {map_it}, or leave it out with {leave_it}.",
        )


def doubled(first: str, second: str, field: str) -> Unfit:
    """Say that two columns are the same field."""
    return Unfit(
        f"{shown(first)} and {shown(second)} are both {field}.",
        f"Keep one of them: leave the other out with `--map {_argument(second)}`.",
    )


def _plain(column: str) -> str:
    return " ".join(column.split())  # in its own case: Code and code may be two


def _argument(column: str, ours: str = "") -> str:
    said = f"{shown(column)}={ours}"
    return f'"{said}"' if " " in said else said
