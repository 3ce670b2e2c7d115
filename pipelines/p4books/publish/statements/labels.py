"""Words, dates and amounts of a statement of account in each language.

The Spanish is that of Panama's accountants: *antigüedad de saldos*, *abonado*, *saldo a favor*.
"""

import calendar
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

LANGUAGES = ("es", "en")

_LABELS = {  # es, en
    "statement": ("Estado de cuenta", "Statement of account"),
    "as_of": ("Al", "As of"),
    "customer": ("Cliente", "Customer"),
    "customer_code": ("Código", "Code"),
    "tax_id": ("RUC", "RUC (tax ID)"),
    "payment_terms": ("Condiciones de pago", "Payment terms"),
    "currency": ("Moneda", "Currency"),
    "total_balance": ("Saldo total", "Total balance"),
    "credit_balance": ("Saldo a favor", "Balance in your favour"),
    "overdue": ("Vencido", "Overdue"),
    "not_due": ("Por vencer", "Not yet due"),
    "ageing": ("Antigüedad de saldos", "Age of the balance"),
    "days_1_30": ("1 a 30 días", "1 to 30 days"),
    "days_31_60": ("31 a 60 días", "31 to 60 days"),
    "days_61_90": ("61 a 90 días", "61 to 90 days"),
    "days_over_90": ("Más de 90 días", "Over 90 days"),
    "total": ("Total", "Total"),
    "document": ("Documento", "Document"),
    "kind": ("Tipo", "Type"),
    "invoice": ("Factura", "Invoice"),
    "credit_note": ("Nota de crédito", "Credit note"),
    "document_on": ("Fecha", "Date"),
    "due_on": ("Vence", "Due"),
    "days_overdue": ("Días de atraso", "Days late"),
    "amount": ("Importe", "Amount"),
    "paid": ("Abonado", "Paid"),
    "balance": ("Saldo", "Balance"),
    "running_balance": ("Acumulado", "Cumulative"),
    "overdue_documents": ("Documentos vencidos", "Overdue documents"),
    "documents_not_due": ("Documentos por vencer", "Documents not yet due"),
    "total_overdue": ("Total vencido", "Total overdue"),
    "total_not_due": ("Total por vencer", "Total not yet due"),
    "page": ("Página", "Page"),
    "of": ("de", "of"),
    "note": (
        "Facturas y notas de crédito con saldo, menos los pagos y créditos ya aplicados.",
        "Invoices and credit notes with a balance, less the payments and credits applied so far.",
    ),
}


@dataclass(frozen=True)
class Language:
    """A language of LANGUAGES: its words, and how it writes days and amounts."""

    code: str

    def word(self, name: str) -> str:
        """Return the label of that name. Raises KeyError if there is none."""
        return _LABELS[name][LANGUAGES.index(self.code)]

    def words(self) -> dict[str, str]:
        """Return all labels by their names."""
        return {name: self.word(name) for name in _LABELS}

    def day(self, day: date) -> str:
        """Write a day: 31/10/2026 in Spanish, 31 Oct 2026 in English."""
        if self.code == "es":
            return f"{day.day:02}/{day.month:02}/{day.year:04}"
        return f"{day.day} {calendar.month_abbr[day.month]} {day.year}"

    @property
    def excel_day(self) -> str:
        """Excel's number format of a day."""
        return "dd/mm/yyyy" if self.code == "es" else "d mmm yyyy"


def format_amount(amount: Decimal | None) -> str:
    """Write an amount as 1,234.56, as Panama does in both languages; None is empty."""
    return "" if amount is None else f"{amount:,.2f}"
