"""A month with a provider that makes mistakes: the check finds every planted fault, and invents none."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from foundation.access import Role
from telecom_stand_in.app import create_stand_in
from telecom_stand_in.settings import TelecomSettings
from tests.integration.belkosten.billing import BANK, CSV, bill, register
from tests.integration.belkosten.phone_town import Town
from tests.integration.gateway.running import Running
from tests.support.callers import Client

ORGANISATION = "telecom-stand-in"
STRANGER, SOMEWHERE = "999999998", "+31201234567"


@pytest.fixture
def telecom(town: Town, tmp_path: Path) -> Iterator[Client]:
    """The stand-in of a provider, speaking to belkosten over HTTP with the token that a gateway would give it."""
    running = Running(town.api)
    settings = TelecomSettings(
        environment="local",
        telecom_stand_in_file=tmp_path / "telecom.sqlite",
        telecom_gateway_url=running.url,
        telecom_token_key_file=tmp_path / "not-read.jwk",
    )
    token = town.callers.person("belkosten", Role.PROVIDER, ORGANISATION, organisation_id=ORGANISATION)
    yield Client(create_stand_in(settings, lambda: token))
    running.stop()


def call(telecom: Client, participant: str, seconds: int, number: str = BANK, *, anyway: bool = False) -> None:
    body = {"participantNumber": participant, "calledNumber": number, "seconds": seconds, "anyway": anyway}
    answer = telecom.post("/calls", json=body)
    assert answer.status_code == 201, answer.text
    assert answer.json()["made"], answer.text


def send_records(telecom: Client, town: Town, **how: int) -> None:
    answer = telecom.post("/record-batches", json=how)
    assert answer.status_code == 201, answer.text
    town.settle()


def told(telecom: Client, faults: int) -> dict[str, Any]:
    found: dict[str, Any] = telecom.get(f"/invoices/2026-10/faults?faults={faults}").json()
    return found


def checked(telecom: Client, town: Town, faults: int) -> dict[str, Any]:
    """Have the bill of the month with so many planted faults of each kind checked."""
    content = telecom.get(f"/invoices/2026-10?faults={faults}").content
    answer = town.finance.post("/invoices", content=content, headers=CSV)
    assert answer.status_code == 202, answer.text
    town.settle()
    return bill(town, answer.json()["id"])


def test_every_planted_fault_is_found_and_none_is_invented(town: Town, telecom: Client) -> None:
    town.approve(BANK)
    # A call that is under way holds all the credit of its caller, so everybody calls once.
    participants = [town.enrol() for _ in range(12)]
    owed = register(town, ORGANISATION)
    for turn, participant in enumerate(participants):
        call(telecom, participant, 30 + 7 * turn)
    call(telecom, participants[0], 60, SOMEWHERE, anyway=True)
    call(telecom, STRANGER, 60, anyway=True)
    # Of the first call the record never comes, of the next it is late, and the two after it come twice.
    send_records(telecom, town, never=1, late=1, twice=2)
    send_records(telecom, town)

    manifest = told(telecom, faults=2)
    assert Counter(fault["code"] for fault in manifest["faults"]) == {
        "notInOurRecords": 3,
        "priceDiffers": 2,
        "notRegistered": 3,
        "billedTwice": 2,
        "numberNotApproved": 1,
    }
    found = checked(telecom, town, faults=2)
    assert (found["provider"], found["state"], found["lines"]) == (ORGANISATION, "checked", manifest["lines"])
    names = ("row", "code", "amount", "callId")
    assert [{name: one[name] for name in names} for one in found["differences"]] == [
        {name: one[name] for name in names} for one in manifest["faults"]
    ]
    assert found["matched"] == manifest["lines"] - len(manifest["faults"])
    assert (found["approvedTotal"], found["booked"]) == (manifest["owed"], True)
    assert town.balances()[owed] == manifest["owed"]

    # The bill again, without the planted faults: what was paid is billed twice, what was wrong is right now.
    again = checked(telecom, town, faults=0)
    right = told(telecom, faults=0)["owed"]
    assert Counter(one["code"] for one in again["differences"])["billedTwice"] == found["matched"]
    assert town.balances()[owed] == right
    # All calls that counted are paid: nothing waits for a bill, and nothing is held for a call.
    assert town.balances().get("clearing", 0) == 0
    assert town.get("/unbilled-calls?month=2026-10", town.finance)["calls"] == 0


def test_a_bill_of_a_careful_provider_has_no_differences(town: Town, telecom: Client) -> None:
    town.approve(BANK)
    for seconds in (1, 59, 61, 600):
        call(telecom, town.enrol(), seconds)
    send_records(telecom, town)
    found = checked(telecom, town, faults=0)
    # 0.0038, 0.2262, 0.2338 and 2.30: half-up 0.00, 0.23, 0.23 and 2.30.
    assert (found["differences"], found["matched"], found["approvedTotal"]) == ([], 4, 276)
