"""Payees on a real database: who registers them, who answers for their accounts, and who sees them (PO-6, SK-6)."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from typing import Any
from uuid import uuid4

import psycopg
import pytest

from foundation.access import Role
from tests.integration.wallet.payees_house import HELPER, OFFICER, SCHEME, PayeesHouse
from tests.integration.wallet.payouts_house import NOBODY, House, code_of, example_iban

IBAN = "NL91ABNA0417164300"


def creditor(**fields: Any) -> dict[str, Any]:
    return {"name": "Energie B.V.", "iban": IBAN, "reference": "RF18539007547034", **fields}


def test_a_scheme_registers_a_payee_for_a_helper_and_confirms_it_for_an_officer(payees: PayeesHouse) -> None:
    payee = str(uuid4())
    answer = payees.helper.post("/payees", json=creditor(id=payee))
    assert (answer.status_code, set(answer.json())) == (201, {"id", "ibanId", "state"})
    assert (answer.json()["id"], answer.json()["state"]) == (payee, "proposed")
    own = payees.helper.post(f"/payees/{payee}/confirmations", json={"ibanId": answer.json()["ibanId"]})
    assert (own.status_code, code_of(own)) == (403, "sameSubject")
    confirmed = payees.officer.post(f"/payees/{payee}/confirmations", json={"ibanId": answer.json()["ibanId"]})
    assert confirmed.json() == {
        "ibanId": answer.json()["ibanId"],
        "state": "confirmed",
        "usableFrom": "2026-09-04",
    }
    again = payees.officer.post(f"/payees/{payee}/confirmations", json={"ibanId": answer.json()["ibanId"]})
    assert (again.status_code, code_of(again)) == (409, "alreadyDecided")
    shown = payees.helper.get(f"/payees/{payee}").json()
    iban = shown.pop("ibans")[0]
    assert (iban["iban"], iban["state"], iban["usableFrom"]) == ("NL************4300", "confirmed", "2026-09-04")
    assert (iban["proposedBy"], iban["confirmedBy"]) == (HELPER, OFFICER)
    assert shown == {
        "id": payee,
        "name": "Energie B.V.",
        "reference": "RF18539007547034",
        "scheme": SCHEME,
        "blocked": False,
        "registeredOn": "2026-09-01",
        "payables": [],
        "payments": [],
    }


def test_the_same_payee_again_is_the_same_answer_and_another_under_its_id_is_refused(payees: PayeesHouse) -> None:
    body = creditor(id=str(uuid4()))
    with ThreadPoolExecutor(6) as pool:
        answers = list(pool.map(lambda _: payees.helper.post("/payees", json=body), range(6)))
    assert [answer.status_code for answer in answers] == [201] * 6
    assert len({answer.text for answer in answers}) == 1
    person = payees.house.holder(1)
    for changed in ({"name": "Energie N.V."}, {"iban": example_iban(7)}, {"reference": None}, {"id": person}):
        answer = payees.helper.post("/payees", json={**body, **changed})
        assert (answer.status_code, code_of(answer)) == (409, "payeeIdReused"), changed
    same_key = {"Idempotency-Key": "k"}
    first = payees.helper.post("/payees", json=creditor(), headers=same_key)
    assert payees.helper.post("/payees", json=creditor(), headers=same_key).json() == first.json()
    assert payees.helper.post("/payees", json=creditor(name="X"), headers=same_key).status_code == 422


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"iban": "NL92ABNA0417164300"}, 400, "ibanMalformed"),
        ({"iban": "TR330006100519786457841326"}, 409, "ibanNotPayable"),
        ({"name": ""}, 400, "malformed"),
        ({"reference": "x" * 141}, 400, "malformed"),
        ({"id": "1"}, 400, "malformed"),
        ({"bsn": "111222333"}, 400, "malformed"),
    ],
)
def test_what_is_wrong_about_a_payee_is_said_without_repeating_its_account(
    payees: PayeesHouse, fields: dict[str, Any], status: int, code: str
) -> None:
    answer = payees.helper.post("/payees", json=creditor(**fields))
    assert (answer.status_code, code_of(answer)) == (status, code)
    assert not [
        secret for secret in (IBAN, "NL92ABNA0417164300", "TR330006100519786457841326") if secret in answer.text
    ]


def test_a_service_needs_a_scheme_that_owes_and_a_person_that_it_acts_for(payees: PayeesHouse) -> None:
    registered = payees.register(1)
    path = f"/payees/{registered['id']}"
    till = payees.house.client(Role.SERVICE, "till")
    for client, code in (
        (payees.service(), "nobodyNamed"),
        (payees.service("burgerbudget", on_behalf_of=HELPER), "outsideScope"),
        (till, "outsideScope"),
    ):
        for step, body in (
            ("/payees", creditor()),
            (f"{path}/ibans", {"iban": IBAN}),
            (f"{path}/confirmations", {"ibanId": registered["ibanId"]}),
        ):
            answer = client.post(step, json=body)
            assert (answer.status_code, code_of(answer)) == (403, code), (code, step)
    assert code_of(till.get("/payees")) == "outsideScope"
    assert payees.house.caseworker.post(f"{path}/confirmations", json={"ibanId": NOBODY}).status_code == 403


def test_a_payee_of_no_scheme_is_nothing_to_a_service_and_all_are_shown_to_those_who_pay_and_check(
    payees: PayeesHouse,
) -> None:
    house = payees.house
    mine = [payees.register(number)["id"] for number in (1, 2, 3)]
    other = house.caseworker.post("/payees", json=creditor()).json()
    assert payees.helper.get(f"/payees/{other['id']}").status_code == 404
    confirmation = {"ibanId": other["ibanId"]}
    assert payees.officer.post(f"/payees/{other['id']}/confirmations", json=confirmation).status_code == 404
    # Another's account under one's own payee is not there either.
    mixed = payees.officer.post(f"/payees/{mine[0]}/confirmations", json=confirmation)
    assert (mixed.status_code, code_of(mixed)) == (404, "unknownIban")
    house.confirm([other["ibanId"]])
    page = payees.helper.get("/payees?limit=2").json()
    rest = payees.helper.get("/payees", params={"limit": 2, "cursor": page["nextCursor"]}).json()
    assert [one["id"] for one in page["items"] + rest["items"]] == mine
    assert "nextCursor" not in rest or rest["nextCursor"] is None
    assert payees.helper.get("/payees?scheme=dordtpas").status_code == 403
    for role in Role:
        if role is Role.SERVICE:
            continue
        client = house.client(role, "other")
        may = role in (Role.CASEWORKER, Role.FINANCE_MAKER, Role.FINANCE_CHECKER, Role.AUDITOR)
        assert client.get(f"/payees/{other['id']}").status_code == (200 if may else 403), role
        if may:
            assert len(client.get("/payees").json()["items"]) == 4
            assert [one["id"] for one in client.get(f"/payees?scheme={SCHEME}").json()["items"]] == mine
        else:
            assert client.get("/payees").status_code == 403
        if role is not Role.CASEWORKER:
            assert client.post("/payees", json=creditor()).status_code == 403
            assert client.post(f"/payees/{other['id']}/blocks", json={"reason": "x"}).status_code == 403


def test_a_person_is_no_payee_and_a_payee_no_person(payees: PayeesHouse) -> None:
    house = payees.house
    person, registered = house.holder(1), payees.register(2)
    payee, iban = registered["id"], registered["ibanId"]
    reason = {"reason": "Vergissing"}
    for path in ("", "/purses", "/holds", "/transactions"):
        assert house.caseworker.get(f"/holders/{person}{path}").status_code == 200
        assert house.caseworker.get(f"/holders/{payee}{path}").status_code == 404, path
    for step, body in (
        ("ibans", {"iban": IBAN}),
        (f"ibans/{iban}/rejections", reason),
        ("blocks", reason),
        ("unblockings", reason),
    ):
        assert house.caseworker.post(f"/holders/{payee}/{step}", json=body).status_code == 404, step
        assert house.caseworker.post(f"/payees/{person}/{step}", json=body).status_code == 404, step
    assert house.caseworker.get(f"/payees/{person}").status_code == 404
    assert house.caseworker.get("/payees/nonsense").status_code == 404
    assert [one["id"] for one in house.auditor.get("/payees").json()["items"]] == [payee]


def test_caseworkers_register_change_refuse_and_block_by_themselves(payees: PayeesHouse) -> None:
    house = payees.house
    registered = house.caseworker.post("/payees", json=creditor()).json()
    path = f"/payees/{registered['id']}"
    house.confirm([registered["ibanId"]])
    changed = house.caseworker.post(f"{path}/ibans", json={"iban": example_iban(9)})
    assert (changed.status_code, changed.json()["state"]) == (202, "proposed")
    own = house.caseworker.post("/iban-confirmations", json={"ibanIds": [changed.json()["id"]]}).json()
    assert own["refused"] == [{"ibanId": changed.json()["id"], "code": "sameSubject"}]
    refused = house.second_caseworker.post(
        f"{path}/ibans/{changed.json()['id']}/rejections", json={"reason": "Staat op naam van een ander"}
    )
    assert refused.json()["state"] == "refused"
    assert house.caseworker.post(f"{path}/blocks", json={"reason": "Onderzoek"}).json() == {
        "payee": registered["id"],
        "blocked": True,
    }
    assert code_of(house.caseworker.post(f"{path}/blocks", json={"reason": "Weer"})) == "alreadyBlocked"
    assert house.auditor.get(path).json()["blocked"] is True
    assert house.caseworker.post(f"{path}/unblockings", json={"reason": "Klaar"}).json()["blocked"] is False
    states = [(iban["iban"][-4:], iban["state"]) for iban in house.auditor.get(path).json()["ibans"]]
    assert states == [(example_iban(9)[-4:], "refused"), ("4300", "confirmed")]


def test_an_account_that_the_same_creditor_is_paid_on_already_is_usable_at_once(payees: PayeesHouse) -> None:
    first = payees.helper.post("/payees", json=creditor()).json()
    assert payees.confirm(first) == "2026-09-04"

    def another(**fields: Any) -> str:
        return payees.confirm(payees.helper.post("/payees", json=creditor(**fields)).json())

    payees.house.today("2026-09-03")
    # The account itself still cools off.
    assert another() == "2026-09-06"
    payees.house.today("2026-09-04")
    assert another(reference="2026-0118") == "2026-09-04"
    assert another(name="Energie Direct B.V.") == "2026-09-07"
    assert another(iban=example_iban(5)) == "2026-09-07"
    # A person's account says nothing of a payee's, nor the other way round.
    person = payees.house.caseworker.post("/holders", json={"displayName": "Energie B.V.", "iban": IBAN}).json()
    payees.house.confirm([person["ibanId"]])
    shown = payees.house.caseworker.get(f"/holders/{person['id']}").json()
    assert shown["ibans"][0]["usableFrom"] == "2026-09-07"


def test_the_account_of_a_blocked_payee_vouches_for_no_other(payees: PayeesHouse) -> None:
    first = payees.helper.post("/payees", json=creditor()).json()
    payees.confirm(first)
    payees.house.today("2026-09-10")
    payees.house.caseworker.post(f"/payees/{first['id']}/blocks", json={"reason": "Spookfactuur"})
    assert payees.confirm(payees.helper.post("/payees", json=creditor()).json()) == "2026-09-13"


def test_the_database_itself_keeps_persons_and_payees_apart(
    house: House, payees: PayeesHouse, wallet_owner_url: str
) -> None:
    house.holder(1)
    payees.register(2)
    for statement in (
        "UPDATE holders.holder SET reference = 'x' WHERE kind = 'person'",
        "UPDATE holders.holder SET scheme = 'dordtpas' WHERE kind = 'person'",
        "UPDATE holders.holder SET birth_date = '1980-01-01' WHERE kind = 'payee'",
        "UPDATE holders.holder SET kind = 'other'",
    ):
        with psycopg.connect(wallet_owner_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
            connection.execute(statement)  # type: ignore[arg-type]
