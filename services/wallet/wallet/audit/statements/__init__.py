"""Statements: what happened on a person's purses in one quarter, on paper, with what it takes to check it."""
