"""Dashboard: pages of figures, charts and tables in a browser.

`server.py` serves `app.py`, the script that Streamlit runs for every view of a page. It opens the
published file once for that view, and closes it at the end.
"""
