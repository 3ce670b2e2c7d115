"""Check digits of the tax ids in a push."""

from p4books.push.documents import Document, FieldValue
from p4books.push.tax_ids import TaxIdCheck
from p4books.push.types import RowFault, SourceRow, TableLayout


def test_collect() -> None:
    """Documents pass as they are; each wrong id is reported where it is, in their order."""
    layout = TableLayout(1, "Hoja", {"RUC": "C"})
    ids = ["8-1-2 DV 3", None, "8-1-2 DV 05", "155-998-77 DV 2", "8-1-2 DV 3", 7]
    documents = [
        Document([SourceRow(row, {}, layout=layout)], {"tax_id": FieldValue(row, "RUC", value)})
        for row, value in enumerate(ids, 2)
    ]
    documents.append(Document([SourceRow(99, {})]))
    check = TaxIdCheck()

    assert list(check.collect(documents)) == documents
    wrong = check.find_wrong()

    assert [(each.cell, each.what) for each in wrong] == [
        ("Hoja!C2", "DV 03 does not fit 8-1-2: it is 05."),
        ("Hoja!C5", "DV 02 does not fit 155-998-77: it is 96."),
        ("Hoja!C6", "DV 03 does not fit 8-1-2: it is 05."),
    ]
    assert isinstance(wrong[0], RowFault)
    assert (wrong[0].row, wrong[0].column, wrong[0].value) == (2, "RUC", "8-1-2 DV 3")


def test_nothing_to_check() -> None:
    """Records without tax ids, such as invoices, have no warnings."""
    check = TaxIdCheck()

    assert list(check.collect([])) == []
    assert check.find_wrong() == []
