"""Figures that the dashboard, the page and the summary of the workbook share.

Each subject has a module with `load_SUBJECT(con, filters)`, which reads the models of a published
file through one read-only connection. Nothing here knows how a figure is shown. Amounts are
Decimals in the currency of the filters, and are never added up over currencies.
"""
