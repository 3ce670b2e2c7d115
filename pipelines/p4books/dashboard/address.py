"""Address of a view: its parameters say what is shown, so that it can be sent as a link.

Streamlit forgets the parameters when the reader changes the page. They are kept in the session and
put back, but for those that one page alone knows.
"""

from collections.abc import Mapping

import streamlit as st

from p4books.publish.language import LANGUAGES, Language
from p4books.settings import Settings

PAGE_NAMES = (
    *("overview", "receivables", "cash", "itbms"),
    *("sales", "customers", "orders", "trust"),
)
SHARED = ("lang", "currency", "from", "to", "tenant", "customer", "product")  # by all pages

_KEPT = "address"  # in the session


def restore_parameters() -> dict[str, str]:
    """Return the parameters of the address, with those of the last page if it has none."""
    given = st.query_params.to_dict()
    kept: Mapping[str, str] = st.session_state.get(_KEPT, {})
    if kept and not given:
        st.query_params.from_dict(dict(kept))
        given = dict(kept)
    remember_parameters(given)
    return given


def remember_parameters(given: Mapping[str, str]) -> None:
    """Keep the parameters that all pages share for the next page."""
    st.session_state[_KEPT] = {name: given[name] for name in SHARED if name in given}


def set_parameters(**values: str | None) -> None:
    """Change parameters of the address; None or an empty text removes one."""
    for name, value in values.items():
        if value:
            st.query_params[name] = value
        else:
            st.query_params.pop(name, None)
    remember_parameters(st.query_params.to_dict())


def choose_language(given: Mapping[str, str], settings: Settings) -> Language:
    """Return the language of the address, else that of the settings."""
    code = given.get("lang", "")
    return Language(code if code in LANGUAGES else settings.language)
