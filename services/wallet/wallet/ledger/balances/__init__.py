"""Balances: what stands on many accounts of one scheme, asked at once."""
