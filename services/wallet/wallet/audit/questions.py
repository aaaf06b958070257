"""The questions to the database beside its seals: over two connections, each asked by whichever is free first.

Seals and figures take about as long on small books and not on others; so nobody waits while there is something to ask.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from functools import partial
from typing import Any

import psycopg

from wallet.audit import figures
from wallet.audit.bulk_content import PassingContent, verify_kept_lines, verify_posted_content
from wallet.audit.differences import Report

Question = Callable[[psycopg.Connection[Any], Report], None]

# Asked first, so that none of them is left over for one connection alone; the others are short. Of these, first those that
# are answered by the database alone, as long as the seals are hashed in the same process.
_LONG = ("chain", "account", "bulk lines")
# Asked first by who has read the seals, because much of it passed by there.
_AFTER_SEALS = ("bulk content",)
# What has nothing to find where none of these found something.
_FOLLOWING = {"entry without account": ("chain", "account")}


def all_questions(content: PassingContent) -> dict[str, Question]:
    """Give every question by name, in the order in which a report tells what was found."""
    posted = partial(verify_posted_content, passed=content)
    return figures.questions() | {"bulk content": posted, "bulk lines": verify_kept_lines}


class Questions:
    """What is still to be asked, and what was found so far; any number of threads may ask at once."""

    def __init__(self, content: PassingContent) -> None:
        self._all = all_questions(content)
        asked = (name for name in self._all if name not in _FOLLOWING and name not in _AFTER_SEALS)
        self._waiting = deque(sorted(asked, key=lambda name: _LONG.index(name) if name in _LONG else len(_LONG)))
        self._found: dict[str, Report] = {}
        self._given_up = False

    def ask_after_seals(self, db: psycopg.Connection[Any]) -> None:
        """Ask over the connection that has read the seals: what had to wait for them, and then what is left."""
        if not self._given_up:
            self._waiting.extendleft(_AFTER_SEALS)
        self.ask(db)

    def ask(self, db: psycopg.Connection[Any]) -> None:
        """Ask over this connection until none is left; after one that could not be answered, nobody asks on."""
        try:
            while self._waiting:
                try:
                    name = self._waiting.popleft()
                except IndexError:
                    return
                self._ask(name, db)
        except BaseException:
            self._given_up = True
            self._waiting.clear()
            raise

    def ask_what_follows(self, db: psycopg.Connection[Any]) -> None:
        """Ask what depends on what was found: when everybody has asked to the end."""
        for name, before in _FOLLOWING.items():
            if any(self._found[earlier].found for earlier in before):
                self._ask(name, db)

    def _ask(self, name: str, db: psycopg.Connection[Any]) -> None:
        report = Report()
        self._all[name](db, report)
        self._found[name] = report

    def tell(self, report: Report) -> None:
        """Add what was found, in the order of the questions, whoever asked them and when."""
        for name in self._all:
            if name in self._found:
                report.take(self._found[name])
