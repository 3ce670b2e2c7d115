"""Figures in words: what is called how on the first screen of a page or workbook, and how fresh.

The figures are those of the overview, in one currency.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal

from p4books.publish.figures.overview import Freshness, OverviewFigures
from p4books.publish.language import Language, format_amount


@dataclass(frozen=True)
class Headline:
    """A figure: what it is called, its amount, and a line below it that may be empty."""

    label: str
    amount: Decimal
    below: str


def list_headlines(figures: OverviewFigures, language: Language) -> list[Headline]:
    """List what a person looks at first: receivables, overdue, sales, open orders, ITBMS."""
    word, month = language.word, language.month(figures.sales.month_on)
    owed, orders, tax = figures.receivables, figures.orders, figures.itbms
    share = language.share(owed.share_overdue)
    counts = {"count": f"{owed.documents:,}", "customers": f"{owed.customers:,}"}
    late = {"count": f"{orders.orders:,}", "late": f"{orders.late:,}"}
    return [
        Headline(word("receivables"), owed.balance, word("headline_documents", **counts)),
        Headline(
            word("overdue"), owed.overdue, word("headline_share", share=share) if share else ""
        ),
        Headline(
            word("headline_sales", month=month), figures.sales.net, _compare(figures, language)
        ),
        Headline(word("headline_orders"), orders.amount, word("headline_late", **late)),
        Headline(
            word("headline_itbms", month=month),
            tax.tax,
            word("headline_pay_by", day=language.day(tax.pay_by_on)) if tax.pay_by_on else "",
        ),
    ]


def describe_as_of(freshness: Freshness, language: Language) -> str:
    """Say as of which day the figures are, and up to when all lists are known."""
    if freshness.as_of_on is None:
        return language.word("fresh_nothing")
    as_of = language.word("fresh_as_of", day=language.day(freshness.as_of_on))
    if freshness.current_to is None:
        return as_of
    known = language.instant(freshness.current_to, freshness.timezone)
    return " ".join((as_of, language.word("fresh_current_to", instant=known)))


def describe_published(freshness: Freshness, language: Language) -> str:
    """Say when the file was published, and in which time zone all times are; empty if unknown."""
    if freshness.published_at is None:
        return ""
    published = language.instant(freshness.published_at, freshness.timezone)
    return language.word("fresh_published_at", instant=published, timezone=freshness.timezone)


def describe_missing(
    freshness: Freshness, language: Language, labels: Mapping[tuple[str, str], str]
) -> str:
    """Name the lists of which nothing is in any figure, and the tenants of a group without any.

    Empty if nothing is missing. `labels` are those of words in columns.
    """
    sentences = []
    if freshness.left_out:
        tenants = ", ".join(freshness.left_out)
        sentences.append(language.word("fresh_left_out", tenants=tenants))
    if freshness.missing_lists:
        sentences.append(_describe_lists(freshness, language, labels))
    return " ".join(sentences)


def _describe_lists(
    freshness: Freshness, language: Language, labels: Mapping[tuple[str, str], str]
) -> str:
    names = []
    for entry in freshness.missing_lists:
        tenant, colon, name = entry.rpartition(": ")  # of a group
        names.append(f"{tenant}{colon}{labels.get(('endpoint', name), name)}")
    return language.word("fresh_missing", lists=", ".join(names))


def _compare(figures: OverviewFigures, language: Language) -> str:
    """Compare the sales of the month with last year's."""
    sales = figures.sales
    before = language.word("headline_year_before", amount=format_amount(sales.net_last_year))
    if sales.growth is None:
        return before
    sign = "+" if sales.growth > 0 else ""
    return f"{before} ({sign}{language.share(sales.growth)})"
