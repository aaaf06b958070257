"""Telling what happens: steps with their time, a progress bar on a terminal, plain lines elsewhere, checks with ok."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import FIRST_EXCEPTION, ThreadPoolExecutor, wait
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any, TypeVar

from stadsbeurs.mistakes import Mistake

WORKERS = 8
SAY_AGAIN_S = 5.0
"""Where there is no terminal, long work says this often how far it is."""
DIFFERENCES_SHOWN = 5

Item = TypeVar("Item")
Result = TypeVar("Result")
Advance = Callable[[], None]


@dataclass(frozen=True)
class Check:
    """One thing that must be so; `differences` say what was expected and what was found."""

    what: str
    differences: tuple[str, ...]

    @property
    def ok(self) -> bool:
        return not self.differences


@dataclass
class Story:
    """A run of steps told to a person; remembers every check and how long each step took."""

    steps: int
    checks: list[Check] = field(default_factory=list)
    timings: list[tuple[str, float]] = field(default_factory=list)

    @property
    def failed(self) -> list[Check]:
        return [check for check in self.checks if not check.ok]

    @contextmanager
    def step(self, title: str) -> Iterator[None]:
        """Announce a step, and remember how long it took."""
        self.say(f"{len(self.timings) + 1}/{self.steps} {title}")
        began = time.monotonic()
        yield
        self.timings.append((title, time.monotonic() - began))

    def say(self, line: str) -> None:
        print(line, flush=True)

    def tell(self, line: str) -> None:
        """Something that belongs to the step at hand."""
        self.say(f"    {line}")

    def check(self, what: str, expected: Any, found: Any) -> bool:
        """Compare, say so, and go on whatever comes out; two mappings are compared key by key."""
        check = Check(what, tuple(differences(expected, found)))
        self.checks.append(check)
        self.tell(f"{'ok    ' if check.ok else 'FAILED'} {what}")
        for line in check.differences:
            self.tell(f"         {line}")
        return check.ok

    def require_all_ok(self) -> None:
        """Raise `Mistake` when a check failed."""
        if self.failed:
            raise Mistake(f"{len(self.failed)} of {len(self.checks)} checks failed, the first: {self.failed[0].what}.")

    def for_each(self, what: str, items: Sequence[Item], act: Callable[[Item], Result]) -> list[Result]:
        """Do `act` for all items, a few at a time, and give the answers in the order of the items."""
        pool = ThreadPoolExecutor(WORKERS)
        try:
            with self.progress(what, len(items)) as advance:
                tasks = [pool.submit(act, item) for item in items]
                for task in tasks:
                    task.add_done_callback(lambda _: advance())
                wait(tasks, return_when=FIRST_EXCEPTION)
                return [task.result() for task in tasks if task.done()]
        finally:
            pool.shutdown(cancel_futures=True)

    @contextmanager
    def progress(self, what: str, total: int) -> Iterator[Advance]:
        """Show how far work of `total` parts is; the function given is called after each part."""
        shown = _bar(what, total) if sys.stdout.isatty() else self._lines(what, total)
        with shown as advance:
            yield advance
        self.tell(f"{what}: {total}")

    @contextmanager
    def _lines(self, what: str, total: int) -> Iterator[Advance]:
        done, said_at = 0, time.monotonic()

        def advance() -> None:
            nonlocal done, said_at
            done += 1
            if done < total and time.monotonic() - said_at > SAY_AGAIN_S:
                said_at = time.monotonic()
                self.tell(f"{what}: {done} of {total}")

        yield advance


@contextmanager
def _bar(what: str, total: int) -> Iterator[Advance]:
    from rich.progress import Progress

    with Progress(transient=True) as bar:
        task = bar.add_task(f"    {what}", total=total)
        yield lambda: bar.advance(task)


def wait_until(
    what: str,
    reached: Callable[[], bool],
    within_s: float,
    every_s: float = 0.1,
    last_seen: Callable[[], str] = lambda: "nothing",
) -> None:
    """Look every `every_s` seconds; raises `Mistake` when it is not so `within_s` seconds from now."""
    deadline = time.monotonic() + within_s
    while not reached():
        if time.monotonic() > deadline:
            raise Mistake(f"It took more than {within_s:.0f} seconds until {what}; last seen: {last_seen()}.")
        time.sleep(every_s)


def differences(expected: Any, found: Any) -> list[str]:
    """What is expected and was not found, in words; empty when all is the same. Of many the first few are named."""
    if not (isinstance(expected, Mapping) and isinstance(found, Mapping)):
        return [] if expected == found else [f"expected {expected}, found {found}"]
    keys = [*expected, *(key for key in found if key not in expected)]
    wrong = [key for key in keys if expected.get(key, "nothing") != found.get(key, "nothing")]
    lines = [
        f"{key}: expected {expected.get(key, 'nothing')}, found {found.get(key, 'nothing')}"
        for key in wrong[:DIFFERENCES_SHOWN]
    ]
    return lines + ([f"and {len(wrong) - DIFFERENCES_SHOWN} more"] if len(wrong) > DIFFERENCES_SHOWN else [])
