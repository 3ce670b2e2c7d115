"""Check digits of the tax ids in a push: a wrong one is a warning, since only the DGI decides."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

from p4books.push.documents import Document
from p4books.push.types import RowFault
from p4books.push.values import format_value
from p4books.transform.macros import find_wrong_check_digits

REMEDY = "Ask whose it is; this is a warning only, and holds back nothing."


@dataclass
class TaxIdCheck:
    """The tax ids of documents that pass by, to be checked together at the end."""

    _found: list[RowFault] = field(default_factory=list)

    def collect(self, documents: Iterable[Document]) -> Iterator[Document]:
        """Yield documents as they are, and remember their tax ids."""
        for document in documents:
            cell = document.header.get("tax_id")
            if cell and isinstance(cell.value, str):
                address = document.cell(cell.row, cell.column)
                text = format_value(cell.value)
                self._found.append(RowFault(cell.row, cell.column, text, "", REMEDY, cell=address))
            yield document

    def find_wrong(self) -> list[RowFault]:
        """Return the tax ids with wrong check digits, in the order of the file."""
        wrong = find_wrong_check_digits(each.value for each in self._found)
        return [
            replace(each, what=f"{wrong[each.value]}.")
            for each in self._found
            if each.value in wrong
        ]
