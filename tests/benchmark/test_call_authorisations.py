"""A call that somebody waits for: authorised over the gateway, at the rate at which a provider asks."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import psutil
import psycopg
import pytest

from foundation.access import Role, TokenSigner
from foundation.identifiers import new_id
from stadsbeurs import house as house_table
from stadsbeurs import keys
from tests.benchmark.report import Report, Row
from tests.support.house import House

pytestmark = pytest.mark.benchmark

CALLS = "Authorising calls in the running house"
RATE, SECONDS = 100, 20
NUMBER = "+31781112233"
FUND = "fund:belkosten"
PATH = "/api/belkosten/v1/call-authorisations"
PROVIDER = "benchmark-telco"


def enrol(house: House, people: int) -> list[str]:
    """Have people take part with 10.00 in their purses, and a number that they may call; gives their numbers."""
    holders = [str(new_id()) for _ in range(people)]
    with psycopg.connect(house.owner_url("wallet")) as db:
        db.execute("SELECT ledger.open_fund('belkosten', 'Belkosten', 'EUR', 'benchmark')")
        db.execute("SELECT ledger.register_owners(%s)", ([f"holder:{holder}" for holder in holders],))
        post(db, "deposit", "bank:current", [FUND], 10**12)
        post(db, "credit", FUND, [f"holder:{holder}:belkosten" for holder in holders], 1_000)
    with psycopg.connect(house.owner_url("belkosten")) as db:
        db.execute(
            "INSERT INTO belkosten.approved_number (id, number, organisation, category, valid_from, registered_by,"
            " registered_at) VALUES (gen_random_uuid(), %s, 'Kredietbank', 'kredietbank', '2026-01-01', 'benchmark', now())",
            (NUMBER,),
        )
        numbers = db.execute(
            "INSERT INTO belkosten.participant (holder_id, registered_by, registered_at)"
            " SELECT h, 'benchmark', now() FROM unnest(%s::text[]) h RETURNING number",
            (holders,),
        ).fetchall()
        db.execute(
            "INSERT INTO belkosten.participation (id, participant_number, product, ground, starts_on, state, registered_by,"
            " by_person, registered_on, registered_at, checked_by, checked_on, returned)"
            " SELECT gen_random_uuid(), number, 'belapp', 'minimapas', '2026-10-01', 'confirmed', 'benchmark', false,"
            " '2026-10-01', now(), 'benchmark', '2026-10-01', false FROM belkosten.participant"
        )
    with psycopg.connect(house.owner_url("belkosten"), autocommit=True) as db:
        db.execute("VACUUM ANALYZE")
    return [number for (number,) in numbers]


def post(db: psycopg.Connection[Any], kind: str, source: str, destinations: Sequence[str], amount: int) -> None:
    """Post the same amount to each destination."""
    db.execute(
        "SELECT ledger.post(%s, '2026-10-01', 'benchmark', NULL, NULL, NULL, NULL, NULL, %s::text[], %s::text[],"
        " %s::bigint[], '{EUR}', NULL, NULL, NULL, NULL)",
        (kind, [source], list(destinations), [amount] * len(destinations)),
    )


@dataclass(frozen=True)
class Latencies:
    """The median, the 99th percentile and the longest, in milliseconds, and how many were not answered as was wanted."""

    median: float
    p99: float
    longest: float
    failed: int

    def __str__(self) -> str:
        told = f"p50 {self.median:.1f} ms, p99 {self.p99:.1f} ms, longest {self.longest:.0f} ms"
        return f"{told}, {self.failed} not answered" if self.failed else told


def at_the_rate(port: int, requests: Sequence[dict[str, Any]], wanted: str) -> Latencies:
    """Have requests arrive at the rate. More than the cores can do makes a queue: then many are late, and some not answered."""
    plan = {"port": port, "rate": RATE, "requests": list(requests), "wanted": wanted}
    command = [sys.executable, "-m", "tests.benchmark.lines"]
    done = subprocess.run(command, input=json.dumps(plan), stdout=subprocess.PIPE, text=True, check=True)
    found = json.loads(done.stdout)
    millis = sorted(found["millis"])
    return Latencies(millis[len(millis) // 2], millis[int(len(millis) * 0.99)], millis[-1], len(found["failures"]))


def asked(participants: Sequence[str], token: str, run: str) -> list[dict[str, Any]]:
    """Make a question for each of these people."""
    headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
    return [
        {
            "method": "POST",
            "path": PATH,
            "headers": headers,
            "body": {"callId": f"{run}-{number}", "participantNumber": participant, "calledNumber": NUMBER},
        }
        for number, participant in enumerate(participants)
    ]


def tokens(house: House) -> tuple[str, str]:
    """Give the provider's token for the gateway, and the one with which the gateway speaks for it."""
    outside = house.command(
        "token", "--role", "provider", "--subject", "telco", "--organisation", PROVIDER
    ).stdout.strip()
    signer = TokenSigner.from_file("gateway", keys.signing_key_file(house.installation.keys, "gateway"))
    inside = signer.token("belkosten", "telco", {Role.PROVIDER}, organisation_id=PROVIDER, lifetime_s=7200)
    return outside, inside


def seconds_of_work(house: House) -> dict[str, float]:
    """Give the seconds of processor time that each process of the house has used, with its children."""
    used = {}
    for name, pid in house.processes().items():
        family = [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]
        used[name] = sum(sum(one.cpu_times()[:2]) for one in family)
    return used


@pytest.mark.timeout(900)
def test_calls_are_authorised_while_somebody_waits(house: House, report: Report) -> None:
    report.chapter(
        CALLS,
        f"All processes of the house run, on the same two cores as PostgreSQL and the askers. {RATE} questions a second arrive"
        " evenly, whether the earlier ones are answered or not; a latency counts from the moment at which a question was to"
        " be asked. Each sets a credit apart in the wallet and is kept. The floor is a GET of `/healthz` at the same rate.",
    )
    amount = RATE * SECONDS
    people = enrol(house, 2 * amount + 2 * RATE)
    outside, inside = tokens(house)
    ports = house_table.Plan.of(house.installation.plan()).ports
    healthz = [{"method": "GET", "path": "/healthz", "headers": {}, "body": None}] * amount
    direct = ports["belkosten-api"]
    # Every process has done it a few times before it is measured.
    at_the_rate(house.port, asked(people[: 2 * RATE], outside, "warm"), '"allowed":true')
    runs = (
        ("over the gateway", house.port, asked(people[2 * RATE : 2 * RATE + amount], outside, "gateway")),
        ("asked of belkosten itself", direct, asked(people[2 * RATE + amount :], inside, "direct")),
    )
    for name, port, questions in runs:
        floor = at_the_rate(port, healthz, "")
        before = seconds_of_work(house)
        found = at_the_rate(port, questions, '"allowed":true')
        work = {one: (after - before.get(one, 0)) * 1000 / amount for one, after in seconds_of_work(house).items()}
        spent = ", ".join(f"{one} {ms:.1f}" for one, ms in sorted(work.items(), key=lambda pair: -pair[1]) if ms >= 0.1)
        print(f"\n  processor time per question in ms: {spent}")
        report.add(
            CALLS,
            Row(
                f"{RATE} questions a second, {name}",
                str(found),
                f"p50 {floor.median:.1f} ms, p99 {floor.p99:.1f} ms",
                f"p99 {found.p99 / floor.p99:.1f}",
                "p99 ≤ 50 ms" if port == house.port else "–",
            ),
        )
