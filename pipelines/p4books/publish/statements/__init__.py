"""Statements of account: what a customer owes, as a file that can be sent."""
