"""Payables: what providers are owed for what was spent with them, per purse that it was spent from."""
