"""Periods: closing a calendar month by value date, and the books as they were on a day or under a block."""
