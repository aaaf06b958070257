"""Announcements: what a scheme is told of its payments and of what came in for it, until it has taken that.

The scheme asks; the wallet calls nobody, so it needs no address of a scheme and no retries, and a scheme that was away
finds everything waiting.
"""
