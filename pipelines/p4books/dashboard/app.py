"""Script that Streamlit runs for every view."""

from p4books.dashboard.views import show_view

show_view()
