"""Definition of an endpoint: its fields, their types and the lists inside its records."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import Enum
from functools import cached_property


class FieldType(Enum):
    """Type of a field; the value is its type in DuckDB."""

    TEXT = "varchar"
    MONEY = "decimal(18, 2)"
    MEASURE = "decimal(18, 6)"  # unit prices and quantities
    COUNT = "bigint"
    DAY = "date"
    INSTANT = "timestamptz"

    @property
    def decimals(self) -> int | None:
        """Number of decimals; None if the type is not numeric."""
        return {FieldType.MONEY: 2, FieldType.MEASURE: 6, FieldType.COUNT: 0}.get(self)


Fields = Mapping[str, FieldType]


@dataclass(frozen=True, eq=False)
class Endpoint:
    """One list of the API, as data.

    `name` is the table's name; `fields` are the scalar fields with their types, `id` among them;
    `inner` are the lists inside a record (lines, addresses) with the fields of their items;
    `writable` if the API creates records; `position` sorts the endpoints, low numbers first.
    `identity` are the fields by which a person knows a record, which are seldom changed in many
    records at once: if they are, the records may be those of another company. `provisional` is the
    status of records whose identity is not final.
    `adopted` are the fields among them that users made columns, whose text may be any JSON.
    """

    name: str
    fields: Fields
    inner: Mapping[str, Fields] = field(default_factory=dict)
    writable: bool = True
    position: int = 1000
    identity: Sequence[str] = ()
    provisional: str | None = None
    adopted: frozenset[str] = frozenset()

    @property
    def path(self) -> str:
        """Path below the base address."""
        return self.name.replace("_", "-")

    @property
    def known(self) -> frozenset[str]:
        """Names of all known fields at the top level of a record."""
        return frozenset(self.fields) | frozenset(self.inner)

    @cached_property
    def texts(self) -> frozenset[str]:
        """Names of the fields, beside the id, that are text and no other type of JSON."""
        return list_texts(self.fields) - self.adopted - {"id"}


def list_texts(fields: Fields) -> frozenset[str]:
    """Return the names of the text fields."""
    return frozenset(name for name, kind in fields.items() if kind is FieldType.TEXT)
