"""Pages of the dashboard: one module per subject, with `show(reading)`.

The folder is not called `pages`: Streamlit would take its files for programs of their own.
"""
