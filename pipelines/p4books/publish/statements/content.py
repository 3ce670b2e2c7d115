"""Content of a statement of account: what the PDF and the workbook both show."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from p4books.publish.language import Language
from p4books.publish.statements.accounts import AGES, Account, OpenItem
from p4books.publish.statements.labels import load_labels
from p4books.settings import Settings

COLUMNS = (  # labels; the first four are texts and days, the others numbers
    "document_code",
    "kind",
    "document_on",
    "due_on",
    "days_overdue",
    "amount",
    "amount_paid",
    "balance",
    "running_balance",
)
TEXT_COLUMNS = 4

Cell = str | date | int | Decimal | None


@dataclass(frozen=True)
class Letterhead:
    """Who sends a statement: the company, and lines such as its RUC, address and account."""

    company: str
    details: tuple[str, ...] = ()


def choose_letterhead(settings: Settings) -> Letterhead:
    """Return the letterhead that the settings give; without a company, it is the tenant's name."""
    lines = [line.strip() for line in (settings.company_details or "").split("|")]
    return Letterhead(settings.company or settings.tenant, tuple(filter(None, lines)))


@dataclass(frozen=True)
class Section:
    """A part of the open items, such as those that are due, with its total."""

    title: str
    is_overdue: bool
    rows: tuple[tuple[Cell, ...], ...]
    total_label: str
    total: Decimal


@dataclass(frozen=True)
class Statement:
    """An account as of the end of a day, with the letterhead and language of its statement."""

    account: Account
    as_of_on: date
    letterhead: Letterhead
    language: Language

    @property
    def labels(self) -> Mapping[str, str]:
        """Return all labels by their names."""
        return load_labels(self.language)

    @property
    def title(self) -> str:
        """Return the title of the document."""
        return f"{self.labels['statement']}: {self.account.customer.name}"

    @property
    def facts(self) -> list[tuple[str, str]]:
        """Return what is known of the customer, with labels."""
        customer = self.account.customer
        values = {
            "customer_code": customer.code,
            "tax_id": customer.tax_id,
            "payment_terms": customer.payment_terms,
            "currency": self.account.currency,
        }
        return [(self.labels[name], value) for name, value in values.items() if value]

    @property
    def balance_label(self) -> str:
        """Return what the balance is called; a negative one is shown as a credit, without sign."""
        return self.labels["credit_balance" if self.account.balance < 0 else "total_balance"]

    @property
    def ages(self) -> list[tuple[str, Decimal]]:
        """Return the balance by age with labels; the last one is the total."""
        amounts = zip(AGES, self.account.ages, strict=True)
        by_age = [(self.labels[name], amount) for name, amount in amounts]
        return [*by_age, (self.labels["total"], self.account.balance)]

    @property
    def sections(self) -> list[Section]:
        """Return the items that are due, and those that are not, as rows of COLUMNS."""
        due, later = self.account.overdue_items, self.account.items_not_due
        total_due = _sum(due)
        sections = [
            self._section(due, Decimal(0), is_overdue=True),
            self._section(later, total_due, is_overdue=False),
        ]
        return [section for section in sections if section.rows]

    def _section(self, items: Sequence[OpenItem], before: Decimal, *, is_overdue: bool) -> Section:
        labels = self.labels
        return Section(
            title=labels["overdue_documents" if is_overdue else "documents_not_due"],
            is_overdue=is_overdue,
            rows=tuple(self._rows(items, before)),
            total_label=labels["total_overdue" if is_overdue else "total_not_due"],
            total=_sum(items),
        )

    def _rows(self, items: Sequence[OpenItem], before: Decimal) -> Iterator[tuple[Cell, ...]]:
        running = before
        for item in items:
            running += item.balance
            yield (
                item.code,
                self.labels["is_credit_note" if item.is_credit_note else "invoice"],
                item.document_on,
                item.due_on,
                item.days_overdue or None,
                item.total,
                item.paid,
                item.balance,
                running,
            )


def _sum(items: Sequence[OpenItem]) -> Decimal:
    return sum((item.balance for item in items), Decimal(0))
