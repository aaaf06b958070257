"""The main job while its processes are killed: every figure still comes out, nothing twice, nothing lost."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable
from functools import partial

import httpx
import pytest
import redis

from foundation.periods import Quarter
from stadsbeurs import house as house_table
from stadsbeurs.people import People
from stadsbeurs.sample import Municipality
from stadsbeurs.story import Story
from tests.support.house import House, a_house

VICTIMS = (
    "burgerbudget-outbox",
    "wallet-api",
    "burgerbudget-jobs",
    "postgres",
    "burgerbudget-api",
    "valkey",
    "wallet-worker",
    "wallet-sealer",
    "gateway",
)


BETWEEN_KILLS_S = 1.5
AT_THE_CLOSE = ("burgerbudget-jobs", "wallet-api", "burgerbudget-outbox", "postgres", "burgerbudget-api", "valkey")


@pytest.mark.timeout(600)
def test_kills_in_the_middle_of_two_quarters_change_no_figure(capfd: pytest.CaptureFixture[str]) -> None:
    """One process after the other in the first quarter; all at once in the middle of the close of the second."""
    with a_house("--empty", "--today", "2026-06-25") as house:
        story = Story(4)
        with People(f"http://127.0.0.1:{house.port}", house.installation.keys) as people:
            municipality = Municipality(story, people, house.installation)
            municipality.enrol()
            first, second = municipality.sample.quarters
            kills = during(partial(municipality.work_through, first), partial(kill_one_by_one, house))
            kills += during(partial(municipality.work_through, second), partial(kill_at_the_close, house, second))
            municipality.compare()
        story.require_all_ok()
        verified = house.command("verify")
        assert verified.returncode == 0, verified.stdout
    with capfd.disabled():
        print(f"\n{kills} processes killed, every figure as expected")
    assert kills >= len(AT_THE_CLOSE)


def during(act: Callable[[], None], disturb: Callable[[threading.Thread], int]) -> int:
    """Run `act` while `disturb` kills; gives how many processes were killed."""
    failures: list[BaseException] = []

    def run() -> None:
        try:
            act()
        except BaseException as failure:
            failures.append(failure)

    worker = threading.Thread(target=run, daemon=True)
    worker.start()
    kills = disturb(worker)
    worker.join()
    if failures:
        raise failures[0]
    return kills


def kill_one_by_one(house: House, worker: threading.Thread) -> int:
    kills = 0
    for victim in VICTIMS:
        worker.join(BETWEEN_KILLS_S)
        if worker.is_alive():
            kills += kill(house, victim)
    return kills


def kill_at_the_close(house: House, quarter: Quarter, worker: threading.Thread) -> int:
    maker = house.client("finance-maker")
    while worker.is_alive():
        with contextlib.suppress(httpx.TransportError):
            answer = maker.get(f"/api/burgerbudget/v1/quarters/{quarter}")
            if answer.is_success and answer.json()["state"] == "closing":
                return sum(kill(house, victim) for victim in AT_THE_CLOSE)
        time.sleep(0.01)
    raise AssertionError("the close was over before it was seen")


def kill(house: House, victim: str) -> int:
    pid = house.processes().get(victim)
    if pid is None:
        return 0
    with contextlib.suppress(ProcessLookupError):
        os.kill(pid, signal.SIGKILL)
    if victim == "valkey":
        flush(house)
    return 1


def flush(house: House) -> None:
    """Empty Valkey too, once it is back: whatever it held was only a bell."""
    plan = house_table.Plan.of(house.installation.plan())
    for _ in range(100):
        try:
            redis.Redis.from_url(plan.redis_url).flushall()
        except redis.RedisError:
            time.sleep(0.1)
        else:
            return
