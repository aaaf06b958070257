"""Posting in bulk: a file of any length, checked as sets, frozen with a hash, approved by another, posted in chunks.

`files` reads what comes in, `actions` is what callers ask, `working` what the worker does; all that guards money
stands in migration 0006.
"""
