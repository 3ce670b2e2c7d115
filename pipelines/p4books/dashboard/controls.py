"""Controls beside a page: language, currency, period, customer, product."""

from collections.abc import Callable, Collection, Mapping
from datetime import date
from functools import partial

import streamlit as st

from p4books.dashboard.address import set_parameters
from p4books.dashboard.reading import Reading
from p4books.publish.figures.filters import Filters, join_id, last_day_of, list_of_tenant
from p4books.publish.language import LANGUAGES

_NAMES = {"en": "English", "es": "Español"}
PARTS = {"customer": "all_customers", "product": "all_products"}  # and the word for none of them

_CUSTOM = "period_custom"

Period = tuple[date, date]


def show_language(reading_language: str, default: str) -> None:
    """Show the switch of the language, in both languages."""
    st.session_state["language"] = reading_language
    st.radio(
        "Language / Idioma",
        LANGUAGES,
        format_func=lambda code: _NAMES[code],
        key="language",
        horizontal=True,
        on_change=partial(_choose_language, default),
    )


def show_filters(reading: Reading, parts: Collection[str]) -> None:
    """Show the filters; what is chosen is put into the address. `parts` may be those of PARTS."""
    choices, filters = reading.choices, reading.filters
    change = partial(_apply, reading)
    if len(choices.currencies) > 1:
        st.session_state["currency"] = filters.currency
        st.selectbox(
            reading.word("currency"),
            choices.currencies,
            key="currency",
            on_change=partial(change, "currency"),
        )
    _show_period(reading, change)
    if choices.tenants:
        st.session_state["tenant"] = filters.tenant
        st.selectbox(
            reading.word("tenant"),
            choices.tenants,
            index=None,
            placeholder=reading.word("all_tenants"),
            key="tenant",
            on_change=partial(change, "tenant"),
        )
    for name, none in PARTS.items():
        if name in parts:
            _show_choice(reading, name, none, change)


def list_periods(reading: Reading) -> dict[str, Period]:
    """Return the periods to choose from, by the name of their word."""
    today, default = reading.choices.as_of_on, reading.choices.defaults
    month = today.replace(day=1)
    before = date(today.year - (today.month == 1), (today.month - 2) % 12 + 1, 1)
    return {
        "period_last_12": (default.first_on, default.last_on),
        "period_this_month": (month, last_day_of(month)),
        "period_last_month": (before, last_day_of(before)),
        "period_this_year": (today.replace(month=1, day=1), today.replace(month=12, day=31)),
        "period_last_year": (date(today.year - 1, 1, 1), date(today.year - 1, 12, 31)),
        "period_all": (reading.choices.first_on, default.last_on),
    }


def _show_period(reading: Reading, change: Callable[[str], None]) -> None:
    filters, periods = reading.filters, list_periods(reading)
    chosen = (filters.first_on, filters.last_on)
    known = next((name for name, period in periods.items() if period == chosen), _CUSTOM)
    if st.session_state.pop("wants_days", False):
        known = _CUSTOM
    st.session_state["period"] = known
    st.selectbox(
        reading.word("period"),
        [*periods, _CUSTOM],
        format_func=reading.word,
        key="period",
        on_change=partial(change, "period"),
    )
    if known != _CUSTOM:
        return
    for name, day in (("first_day", filters.first_on), ("last_day", filters.last_on)):
        st.session_state[name] = day
        st.date_input(
            reading.word(name),
            min_value=date(1900, 1, 1),
            max_value=date(9998, 12, 31),
            format="DD/MM/YYYY",
            key=name,
            on_change=partial(change, name),
        )


def _show_choice(reading: Reading, name: str, none: str, change: Callable[[str], None]) -> None:
    tenant, all_names = reading.filters.tenant, getattr(reading.choices, f"{name}s")
    names: Mapping[str, str] = list_of_tenant(all_names, tenant)
    st.session_state[name] = join_id(tenant, getattr(reading.filters, f"{name}_id"))
    st.selectbox(
        reading.word(name),
        list(names),
        index=None,
        format_func=lambda key: names.get(key, key),
        placeholder=reading.word(none),
        key=name,
        on_change=partial(change, name),
    )


def _choose_language(default: str) -> None:
    code = st.session_state["language"]
    set_parameters(lang=None if code == default else code)


def _apply(reading: Reading, changed: str) -> None:
    """Put what was chosen in a control into the address."""
    chosen = st.session_state[changed]
    if changed == "period":
        if chosen == _CUSTOM:
            st.session_state["wants_days"] = True
            return
        first_on, last_on = list_periods(reading)[chosen]
        _set_period(reading, first_on, last_on)
    elif changed in {"first_day", "last_day"}:
        if chosen is not None:
            days = {
                "first_day": reading.filters.first_on,
                "last_day": reading.filters.last_on,
                changed: chosen,
            }
            _set_period(reading, *sorted(days.values()))
    elif changed == "tenant":  # a customer or product is of one
        set_parameters(tenant=chosen, **dict.fromkeys(PARTS))
    else:
        usual = reading.choices.defaults.currency if changed == "currency" else None
        set_parameters(**{changed: None if chosen == usual else chosen})


def _set_period(reading: Reading, first_on: date, last_on: date) -> None:
    defaults = reading.choices.defaults
    period = Filters(defaults.currency, first_on, last_on).to_query(defaults)
    set_parameters(**{"from": period.get("from"), "to": period.get("to")})
