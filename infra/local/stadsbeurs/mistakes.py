"""What went wrong, in one sentence that says what to do."""

from __future__ import annotations


class Mistake(Exception):
    """One clear sentence for the person at the keyboard; the command line prints it and exits non-zero."""
