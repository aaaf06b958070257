"""Belkosten: four ways to keep people reachable by telephone, and what each of them costs."""
