"""Charts of figures, defined once for the dashboard and the page.

A chart has few colours, of Okabe and Ito's palette for the colour-blind, and never depends on them
alone: series also differ by their marks (bars, lines with points, above or below zero), and ages by
their lightness and order. Amounts are written in full in tooltips and descriptions, which screen
readers read. Charts are as wide as their container. None means that there is nothing to draw.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import altair as alt

from p4books.publish.figures.cash import WEEKS
from p4books.publish.figures.customers import STAGES
from p4books.publish.figures.filters import Filters
from p4books.publish.figures.receivables import BUCKETS
from p4books.publish.figures.tables import FigureTable
from p4books.publish.language import Language, format_amount
from p4books.publish.palette import AGES, BLUE, GREY, INK, ORANGE, PALE, SKY

AnyChart = alt.LayerChart | alt.Chart

FONT = "Source Sans, Source Sans Pro, Segoe UI, Helvetica Neue, Arial, sans-serif"
HEIGHT = 280  # pixels
TOP = 10  # bars of a ranking

_AMOUNT_AXIS = ",.2~f"  # d3: 1,234.5
_AGE_COLUMNS = ("current_balance", "days_1_30", "days_31_60", "days_61_90", "days_over_90")


@dataclass(frozen=True)
class ChartText:
    """What charts are labelled with: language, currency, and labels of values by column."""

    language: Language
    currency: str
    values: Mapping[tuple[str, str], str]

    def word(self, name: str, **values: object) -> str:
        """Return a word of the language."""
        return self.language.word(name, **values)

    def amount_of(self, title: str) -> str:
        """Return the title of an axis of amounts, with its unit."""
        return f"{title} ({self.currency})"

    def value(self, column: str, value: str) -> str:
        """Return what a word in a column is called."""
        return self.values.get((column, value), value)

    def column(self, table: FigureTable, name: str) -> str:
        """Return what a column is called."""
        return table.columns[table.index(name)].label(self.language.code)


def draw_sales_months(
    table: FigureTable, filters: Filters, text: ChartText, *, as_of_on: date
) -> AnyChart | None:
    """Draw sales by month as bars, and last year's as a line; `picked_month` is what is clicked."""
    months = list_months(filters.first_on, min(filters.last_on, max(as_of_on, filters.first_on)))
    sold = {record["month_on"]: record for record in table.records()}
    if not sold:
        return None
    this_year, last_year = text.column(table, "net"), text.column(table, "net_last_year")
    points = [
        _point(
            text.language.month(month),
            series,
            sold.get(month, {}).get(column, Decimal(0)),
            key=month.isoformat(),
        )
        for month in months
        for series, column in ((this_year, "net"), (last_year, "net_last_year"))
        if month in sold or column == "net"  # last year's is not known of a month without sales
    ]
    base = _start(points, [text.language.month(month) for month in months], text)
    pick = alt.selection_point(name="picked_month", fields=["key"], empty=True)
    bars = _bars(base, this_year, BLUE, title=text.amount_of(this_year)).encode(
        opacity=alt.condition(pick, alt.value(1), alt.value(0.35))
    )
    return _finish(
        [bars.add_params(pick), *_line(base, last_year, GREY)],
        _legend([(this_year, BLUE), (last_year, GREY)]),
        _describe(text.word("chart_sales_months"), points, text),
    )


def draw_ages(table: FigureTable, text: ChartText) -> AnyChart | None:
    """Draw what is open by age; `picked_bucket` is what is clicked."""
    if not any(table.values("documents")):
        return None
    points = [
        _point(
            text.value("aging_bucket", record["aging_bucket"]),
            text.column(table, "balance"),
            record["balance"],
            key=record["aging_bucket"],
        )
        for record in table.records()
    ]
    pick = alt.selection_point(name="picked_bucket", fields=["key"], empty=True)
    title = text.word("chart_ages")
    bars, labels = _ranking(points, text.amount_of(text.column(table, "balance")))
    bars = bars.encode(
        color=alt.Color(
            "key:N", scale=alt.Scale(domain=list(BUCKETS), range=list(AGES)), legend=None
        ),
        opacity=alt.condition(pick, alt.value(1), alt.value(0.35)),
    ).add_params(pick)
    return _finish([bars, labels], None, _describe(title, points, text))


def draw_ages_history(table: FigureTable, filters: Filters, text: ChartText) -> AnyChart | None:
    """Draw what was open at the ends of months, stacked by age, the oldest at the bottom."""
    if not table.rows:
        return None
    labels = {
        column: text.value("aging_bucket", bucket)
        for column, bucket in zip(_AGE_COLUMNS, BUCKETS, strict=True)
    }
    newest = max(table.values("month_end_on"))
    months = list_months(filters.first_on, min(filters.last_on, newest))
    points = [
        _point(
            text.language.month(record["month_end_on"]),
            label,
            record[column],
            place=len(BUCKETS) - place,
        )
        for record in table.records()
        for place, (column, label) in enumerate(labels.items())
    ]
    bars = (
        _start(points, [text.language.month(month) for month in months], text)
        .mark_bar(stroke="white", strokeWidth=1)
        .encode(
            y=_amounts(text.amount_of(text.column(table, "balance"))),
            color=_legend(list(zip(labels.values(), AGES, strict=True))),
            order=alt.Order("place:Q"),
        )
    )
    return _finish([bars], None, _describe(text.word("chart_ages_history"), points, text))


def draw_dso(table: FigureTable, filters: Filters, text: ChartText) -> AnyChart | None:
    """Draw the days sales outstanding and the best possible ones as two lines."""
    series = {"dso": BLUE, "best_possible_dso": GREY}
    points = [
        _point(
            text.language.month(record["month_end_on"]),
            text.column(table, column),
            record[column],
            unit=text.word("days"),
        )
        for record in reversed(list(table.records()))
        for column in series
        if record[column] is not None
    ]
    if not points:
        return None
    months = list_months(filters.first_on, min(filters.last_on, max(table.values("month_end_on"))))
    base = _start(points, [text.language.month(month) for month in months], text)
    colours = [(text.column(table, column), colour) for column, colour in series.items()]
    return _finish(
        [
            layer
            for label, colour in colours
            for layer in _line(base, label, colour, title=text.word("days"), dash=colour == GREY)
        ],
        _legend(colours),
        _describe(text.word("chart_dso"), points, text),
    )


def draw_cash(table: FigureTable, text: ChartText, *, as_of_on: date) -> AnyChart | None:
    """Draw what comes in above zero, what goes out below, and the running sum as a line."""
    if not table.rows:
        return None
    monday = as_of_on - timedelta(days=as_of_on.weekday())
    monday = min([monday, *table.values("week_on")])
    weeks = [monday + timedelta(weeks=week) for week in range(WEEKS)]
    colours = {
        "overdue_in": SKY,
        "expected_in": BLUE,
        "committed_out": ORANGE,
        "net_cash_to_date": INK,
    }
    points = [
        _point(
            _short_day(record["week_on"], text.language),
            text.column(table, column),
            -record[column] if column == "committed_out" else record[column],
        )
        for record in table.records()
        for column in colours
    ]
    base = _start(points, [_short_day(week, text.language) for week in weeks], text)
    named = [(text.column(table, column), colour) for column, colour in colours.items()]
    *flows, (line, ink) = named
    bars = (
        base.transform_filter(
            alt.FieldOneOfPredicate(field="series", oneOf=[name for name, _ in flows])
        )
        .mark_bar(stroke="white", strokeWidth=1)
        .encode(y=_amounts(text.amount_of(text.word("amount"))), color=_legend(named))
    )
    return _finish(
        [bars, *_line(base, line, ink)], None, _describe(text.word("chart_cash"), points, text)
    )


def draw_itbms_months(
    table: FigureTable, filters: Filters, text: ChartText, *, as_of_on: date
) -> AnyChart | None:
    """Draw the ITBMS charged by month; `picked_month` is what is clicked."""
    months = list_months(filters.first_on, min(filters.last_on, max(as_of_on, filters.first_on)))
    label = text.column(table, "month_tax_charged")
    points = [
        _point(
            text.language.month(record["month_on"]),
            label,
            record["month_tax_charged"],
            key=record["month_on"].isoformat(),
        )
        for record in reversed(list(table.records()))
    ]
    if not points:
        return None
    pick = alt.selection_point(name="picked_month", fields=["key"], empty=True)
    base = _start(points, [text.language.month(month) for month in months], text)
    bars = (
        base.mark_bar(color=BLUE)
        .encode(
            y=_amounts(text.amount_of(label)),
            opacity=alt.condition(pick, alt.value(1), alt.value(0.35)),
        )
        .add_params(pick)
    )
    return _finish([bars], None, _describe(text.word("chart_itbms_months"), points, text))


def draw_top_customers(table: FigureTable, text: ChartText) -> AnyChart | None:
    """Draw the net sales of the customers that bought most."""
    return _draw_top(table, "customer_name", text.word("chart_top_customers"), text)


def draw_top_products(table: FigureTable, text: ChartText) -> AnyChart | None:
    """Draw the net sales of the products that sold most."""
    return _draw_top(table, "product_name", text.word("chart_top_products"), text)


def draw_order_intake(
    table: FigureTable, filters: Filters, text: ChartText, *, as_of_on: date
) -> AnyChart | None:
    """Draw what was ordered by month as bars, and what was invoiced as a line."""
    if not table.rows:
        return None
    months = list_months(filters.first_on, min(filters.last_on, max(as_of_on, filters.first_on)))
    ordered, invoiced = text.column(table, "ordered"), text.column(table, "invoiced")
    known = {record["month_on"]: record for record in table.records()}
    points = [
        _point(text.language.month(month), series, known.get(month, {}).get(column, Decimal(0)))
        for month in months
        for series, column in ((ordered, "ordered"), (invoiced, "invoiced"))
    ]
    base = _start(points, [text.language.month(month) for month in months], text)
    return _finish(
        [
            _bars(base, ordered, BLUE, title=text.amount_of(text.word("amount"))),
            *_line(base, invoiced, GREY),
        ],
        _legend([(ordered, BLUE), (invoiced, GREY)]),
        _describe(text.word("chart_order_intake"), points, text),
    )


def draw_order_ages(table: FigureTable, text: ChartText) -> AnyChart | None:
    """Draw open sales orders by the days since they were placed."""
    if not any(table.values("orders")):
        return None
    points = [
        _point(
            f"{record['age_bucket']} {text.word('days')}",
            text.column(table, "amount"),
            record["amount"],
            place=place,
        )
        for place, record in enumerate(table.records())
    ]
    layers = _ranking(points, text.amount_of(text.column(table, "amount")))
    return _finish(layers, None, _describe(text.word("chart_order_ages"), points, text))


def draw_stages(
    table: FigureTable, filters: Filters, text: ChartText, *, as_of_on: date
) -> AnyChart | None:
    """Draw customers won and won back above zero, and those lost below, by month."""
    colours = {"new": BLUE, "reactivated": SKY, "lapsed": ORANGE}
    months = list_months(filters.first_on, min(filters.last_on, max(as_of_on, filters.first_on)))
    points = [
        _point(
            text.language.month(record["month_on"]),
            text.value("lifecycle_stage", record["lifecycle_stage"]),
            record["customers"] * (-1 if record["lifecycle_stage"] == "lapsed" else 1),
            unit=text.word("customers"),
        )
        for record in reversed(list(table.records()))
        if record["lifecycle_stage"] in colours
    ]
    if not points:
        return None
    named = [
        (text.value("lifecycle_stage", stage), colours[stage])
        for stage in STAGES
        if stage in colours
    ]
    bars = (
        _start(points, [text.language.month(month) for month in months], text)
        .mark_bar(stroke="white", strokeWidth=1)
        .encode(y=_amounts(text.word("customers"), least=1), color=_legend(named))
    )
    return _finish([bars], None, _describe(text.word("chart_stages"), points, text))


def list_months(first_on: date, last_on: date) -> list[date]:
    """List the first days of the months from one day to another."""
    first, last = (day.year * 12 + day.month - 1 for day in (first_on, last_on))
    return [date(month // 12, month % 12 + 1, 1) for month in range(first, last + 1)]


def _point(  # noqa: PLR0913 - the fields of a row
    x: str,
    series: str,
    value: Decimal | int | None,
    *,
    key: str = "",
    place: int = 0,
    unit: str | None = None,
) -> dict[str, Any]:
    """Return a row of the chart's data; `shown` is the value in full, with a unit if not money."""
    amount = value if value is not None else Decimal(0)
    shown = f"{amount:,} {unit}" if unit else format_amount(Decimal(amount))
    return {
        "x": x,
        "series": series,
        "value": float(amount),
        "shown": shown,
        "key": key,
        "place": place,
    }


def _start(points: Sequence[Mapping[str, Any]], order: Iterable[str], text: ChartText) -> alt.Chart:
    """Begin a chart with one column per text of `order`, in that order, whether it has data."""
    x = alt.X(
        "x:O",
        title=None,
        sort=None,
        scale=alt.Scale(type="band", domain=list(dict.fromkeys(order)), paddingInner=0.25),
        axis=alt.Axis(labelAngle=0, labelOverlap="greedy", labelSeparation=6, grid=False),
    )
    tooltip = [
        alt.Tooltip("x:N", title=text.word("period")),
        alt.Tooltip("series:N", title=text.word("figure")),
        alt.Tooltip("shown:N", title=text.word("value")),
    ]
    chart: alt.Chart = alt.Chart(_data(points)).encode(x=x, tooltip=tooltip)
    return chart


def _data(points: Sequence[Mapping[str, Any]]) -> alt.InlineData:
    return alt.InlineData(values=[dict(point) for point in points])


def _amounts(title: str, least: float = 0.01) -> alt.Y:
    """Return an axis with its title on top; two ticks differ by `least` or more."""
    axis = alt.Axis(
        format=_AMOUNT_AXIS,
        tickCount=5,
        tickMinStep=least,
        titleAngle=0,
        titleAlign="left",
        titleX=0,
        titleY=-14,
    )
    return alt.Y("value:Q", title=title, axis=axis, stack="zero")


def _bars(base: alt.Chart, series: str, colour: str, *, title: str) -> alt.Chart:
    chosen = base.transform_filter(alt.FieldEqualPredicate(field="series", equal=series))
    bars: alt.Chart = chosen.mark_bar(color=colour).encode(y=_amounts(title))
    return bars


def _line(
    base: alt.Chart, series: str, colour: str, *, title: str | None = None, dash: bool = False
) -> list[alt.Chart]:
    """Draw a line with hollow points, which differ from bars and from each other without colour."""
    chosen = base.transform_filter(alt.FieldEqualPredicate(field="series", equal=series))
    y = _amounts(title) if title else alt.Y("value:Q")
    y = y.stack(None) if title else y
    stroke = [4, 3] if dash else [1, 0]
    line = chosen.mark_line(color=colour, strokeWidth=2, strokeDash=stroke).encode(y=y)
    points = chosen.mark_point(color=colour, fill="white", size=45, opacity=1).encode(y=y)
    return [line, points]


def _draw_top(table: FigureTable, name: str, title: str, text: ChartText) -> AnyChart | None:
    records = sorted(table.records(), key=lambda record: record["net"] or 0, reverse=True)
    points = [
        _point(
            _join_tenant(text.value(name, record[name] or ""), record.get("tenant")),
            text.column(table, "net"),
            record["net"],
            place=place,
        )
        for place, record in enumerate(records[:TOP])
    ]
    if not points:
        return None
    layers = _ranking(points, text.amount_of(text.column(table, "net")))
    return _finish(layers, None, _describe(title, points, text))


def _join_tenant(name: str, tenant: str | None) -> str:
    """Return a name that says of which tenant of a group it is."""
    return f"{name} · {tenant}" if tenant else name


def _ranking(points: Sequence[Mapping[str, Any]], title: str) -> list[alt.Chart]:
    """Draw horizontal bars in the order of the points, with their amounts beside them."""
    amounts = [0.0, *(point["value"] for point in points)]
    room = 0.35 * (max(amounts) - min(amounts) or 1)  # for the amounts
    domain = [min(amounts) - (room if min(amounts) < 0 else 0), max(amounts) + room]
    base = alt.Chart(_data(_with_unique_names(points))).encode(
        y=alt.Y(
            "x:N",
            sort=None,
            title=None,
            axis=alt.Axis(labelLimit=150, labelPadding=6, ticks=False, domain=False),
        ),
        x=alt.X(
            "value:Q",
            title=title,
            axis=alt.Axis(format=_AMOUNT_AXIS, tickCount=3),
            scale=alt.Scale(domain=domain, nice=False),
        ),
        tooltip=[alt.Tooltip("x:N", title=" "), alt.Tooltip("shown:N", title=title)],
    )
    labels = base.mark_text(
        align=alt.expr("datum.value < 0 ? 'right' : 'left'"),
        dx=alt.expr("datum.value < 0 ? -5 : 5"),
        color=INK,
        font=FONT,
        fontSize=12,
    )
    return [base.mark_bar(color=BLUE, stroke=INK, strokeWidth=0.5), labels.encode(text="shown:N")]


def _with_unique_names(points: Sequence[Mapping[str, Any]]) -> list[Mapping[str, Any]]:
    """Number equal names, which would share one bar."""
    names: Counter[str] = Counter()
    unique: list[Mapping[str, Any]] = []
    for point in points:
        names[point["x"]] += 1
        again = names[point["x"]]
        unique.append({**point, "x": f"{point['x']} ({again})"} if again > 1 else point)
    return unique


def _legend(colours: Sequence[tuple[str, str]]) -> alt.Color:
    names = [name for name, _ in colours]
    return alt.Color(
        "series:N",
        scale=alt.Scale(domain=names, range=[colour for _, colour in colours]),
        sort=names,
        legend=alt.Legend(
            title=None, orient="bottom", direction="horizontal", columns=2, labelLimit=220
        ),
    )


def _finish(layers: Sequence[alt.Chart], colour: alt.Color | None, description: str) -> AnyChart:
    """Put layers on top of each other, with the same look in every chart."""
    if colour is not None:
        layers = [layer.encode(color=colour) for layer in layers]
    chart: AnyChart = (
        alt.layer(*layers)
        .properties(width="container", height=HEIGHT, description=description)
        .configure(font=FONT, background="transparent")
        .configure_view(strokeWidth=0)
        .configure_axis(
            labelColor=INK,
            titleColor=INK,
            gridColor=PALE,
            domainColor=GREY,
            tickColor=GREY,
            labelFontSize=12,
            titleFontSize=12,
            titleFontWeight="normal",
            titlePadding=8,
        )
        .configure_legend(labelColor=INK, labelFontSize=12, symbolType="square")
    )
    return chart


def _describe(title: str, points: Sequence[Mapping[str, Any]], text: ChartText) -> str:
    """Say in words what a chart shows, for those who cannot see it."""
    values = "; ".join(f"{point['x']}, {point['series']}: {point['shown']}" for point in points)
    return f"{title} ({text.currency}). {values}"


def _short_day(day: date, language: Language) -> str:
    return (
        f"{day:%d/%m}" if language.code == "es" else f"{day.day} {language.month(day).split()[0]}"
    )
