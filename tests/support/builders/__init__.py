"""Builders: what a test needs to have in place, one file per service."""
