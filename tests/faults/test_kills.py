"""The main job while its processes are killed: every figure still comes out, nothing twice, nothing lost."""

from __future__ import annotations

import contextlib
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from functools import partial
from typing import Any

import httpx
import psycopg
import pytest
import redis

from foundation.periods import Quarter
from stadsbeurs import house as house_table
from stadsbeurs.people import BELKOSTEN, WALLET, People
from stadsbeurs.sample import Municipality
from stadsbeurs.story import Story
from tests.support.house import House, a_house, wait_until

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


@pytest.fixture(scope="module")
def house() -> Iterator[House]:
    """One house in which everything here happens, one test after the other."""
    with a_house("--empty", "--today", "2026-06-25") as running:
        yield running


@pytest.fixture(scope="module")
def people(house: House) -> Iterator[People]:
    with People(f"http://127.0.0.1:{house.port}", house.installation.keys) as found:
        yield found


@pytest.mark.timeout(600)
def test_kills_in_the_middle_of_two_quarters_change_no_figure(
    house: House, people: People, capfd: pytest.CaptureFixture[str]
) -> None:
    """One process after the other in the first quarter; all at once in the middle of the close of the second."""
    story = Story(4)
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


CALLS_EACH = 50
CALL_S = 61
CALL_COST = 23
"""61 seconds of 0.23 a minute is 23.38 cents; 50 calls are 11.50."""
CREDIT = 1_000
DEPOSIT = 100_000
LISTED = "+31781234567"
CLEARING = "clearing:belkosten"


@pytest.mark.timeout(240)
def test_kills_while_calls_are_settled_leave_each_call_paid_once_and_nothing_held(house: House, people: People) -> None:
    """Two people call for 11.50 each and have 10.00: both purses end empty, and the fund pays the 3.00 that is left."""
    today = house.command("today").stdout.strip()
    fill_the_fund(people)
    officer, auditor = people.person("caseworker"), people.person("auditor")
    listed = {"number": LISTED, "organisation": "Wijkteam", "category": "hulpverlening", "from": today}
    officer.post(f"{BELKOSTEN}/numbers", "kills-number", listed)
    callers = [enrol_caller(people, name, today) for name in ("Bo Kort", "Jo Lang")]
    wait_until(lambda: all(purse(people, holder)["balance"] == CREDIT for holder, _ in callers), "everybody's credit")

    provider = people.person("provider", organisation="belco")
    records = []
    for _, number in callers:
        for nth in range(CALLS_EACH):
            about = {"callId": f"kills-{number}-{nth}", "participantNumber": number, "calledNumber": LISTED}
            if nth == 0:
                assert provider.post(f"{BELKOSTEN}/call-authorisations", "not-used", about)["allowed"]
            records.append({**about, "startedAt": f"{today}T09:00:00+02:00", "seconds": CALL_S})
    batches = f"{BELKOSTEN}/call-records/batches"
    sent = provider.post(batches, "kills-records", {"items": records})

    def settled() -> int:
        # Nothing was booked there before the first call was settled.
        return int(auditor.get(f"{WALLET}/accounts/{CLEARING}")["balance"])

    cost = len(records) * CALL_COST
    wait_until(lambda: settled() > 0, "the first calls settled", every_s=0.005)
    kills = kill(house, "belkosten-worker") + kill(house, "belkosten-api")
    assert settled() < cost, "the calls were settled before anything was killed"
    let_leases_run_out(house)

    # The same records once more, while the processes come back: known, and nothing is settled again.
    again = provider.post(batches, "kills-records-again", {"items": records})
    wait_until(lambda: settled() >= cost, "all calls settled")
    wait_until(lambda: not waiting_messages(people), "the outbox empty")
    wait_until(
        lambda: provider.get(f"{batches}/{again['id']}")["known"] == len(records), "the second file worked through"
    )
    told = [provider.get(f"{batches}/{one['id']}") for one in (sent, again)]
    assert [(one["accepted"], one["known"]) for one in told] == [(len(records), 0), (0, len(records))]
    assert kills == 2
    assert settled() == cost == 2_300
    assert [(found["balance"], found["held"]) for found in (purse(people, holder) for holder, _ in callers)] == [
        (0, 0)
    ] * 2
    fund = people.person("finance-maker").get(f"{WALLET}/funds/belkosten")
    assert (fund["balance"], fund["held"]) == (DEPOSIT - 2 * CREDIT - 300, 0)
    assert house.command("verify").returncode == 0


def fill_the_fund(people: People) -> None:
    maker, checker = people.person("finance-maker"), people.person("finance-checker")
    maker.post(f"{WALLET}/funds", "kills-fund", {"code": "belkosten", "name": "Belkosten", "asset": "EUR"})
    deposits = f"{WALLET}/funds/belkosten/deposits"
    deposit = maker.post(deposits, "kills-deposit", {"amount": DEPOSIT, "reference": "B-1", "reason": "Begroting"})
    checker.post(f"{deposits}/{deposit['id']}/confirmations", "kills-deposit-confirmed", {})


def enrol_caller(people: People, name: str, today: str) -> tuple[str, str]:
    """Give the holder and the participant's number."""
    officer = people.person("caseworker")
    holder = officer.post(f"{WALLET}/holders", f"kills-{name}", {"displayName": name})["id"]
    body = {"holderId": holder, "product": "belapp", "ground": "bijstand", "from": today}
    return holder, officer.post(f"{BELKOSTEN}/participants", f"kills-{holder}", body)["number"]


def purse(people: People, holder: str) -> Any:
    """Give what the holder has to call with; an empty one before the first credit."""
    items = people.person("caseworker").get(f"{WALLET}/holders/{holder}/purses")["items"]
    return items[0] if items else {"balance": 0, "held": 0}


def let_leases_run_out(house: House) -> None:
    """Give up what the killed worker had taken; it would happen by itself after 20 seconds."""
    with psycopg.connect(house.owner_url("belkosten")) as db:
        db.execute("UPDATE outbox SET lease_until = now() WHERE state = 'leased'")


def waiting_messages(people: People) -> list[Any]:
    """Give the messages that the wallet has not taken yet, or refused."""
    admin, outbox = people.person("admin"), f"{BELKOSTEN}/outbox"
    return [one for state in ("pending", "leased", "dead") for one in admin.get(outbox, state=state)["items"]]


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
