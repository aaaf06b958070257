"""Holders on a real database: who may see and do what, and what never shows (PO-6, BB-11)."""

from __future__ import annotations

import io
import logging
from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from sqlalchemy import text

from foundation.access import Role
from tests.integration.wallet.payouts_house import NOBODY, House, code_of, example_iban

BSN = "111222333"
IBAN = "NL91ABNA0417164300"


def person(**fields: object) -> dict[str, object]:
    return {"displayName": "José de Vries", "birthDate": "1980-02-29", "bsn": BSN, "iban": IBAN, **fields}


def test_a_registered_person_has_an_id_and_a_proposed_iban(house: House) -> None:
    answer = house.caseworker.post("/holders", json=person())
    assert answer.status_code == 201
    assert set(answer.json()) == {"id", "ibanId", "ibanState", "registeredOn"}
    assert answer.json()["ibanState"] == "proposed"
    shown = house.caseworker.get(f"/holders/{answer.json()['id']}").json()
    assert (shown["displayName"], shown["birthDate"], shown["bsnKnown"]) == ("José de Vries", "1980-02-29", True)
    assert [(iban["iban"], iban["state"], iban["proposedBy"]) for iban in shown["ibans"]] == [
        ("NL************4300", "proposed", "carla")
    ]


def test_a_bsn_is_registered_once_also_by_two_at_a_time(house: House) -> None:
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: house.caseworker.post("/holders", json=person()), range(8)))
    assert sorted(answer.status_code for answer in answers) == [201] + [409] * 7
    assert {code_of(answer) for answer in answers if answer.status_code == 409} == {"bsnAlreadyRegistered"}
    again = house.caseworker.post("/holders", json=person(bsn="111.222.333"))
    assert code_of(again) == "bsnAlreadyRegistered"
    assert again.json()["errors"][0]["pointer"] == "/bsn"


def test_people_without_a_bsn_are_each_somebody(house: House) -> None:
    for _ in range(2):
        assert house.caseworker.post("/holders", json={"displayName": "Zonder"}).status_code == 201


@pytest.mark.parametrize(
    ("fields", "status", "code"),
    [
        ({"bsn": "111222334"}, 400, "bsnMalformed"),
        ({"bsn": ""}, 400, "malformed"),
        ({"iban": "NL92ABNA0417164300"}, 400, "ibanMalformed"),
        ({"iban": "TR330006100519786457841326"}, 409, "ibanNotPayable"),
        ({"displayName": ""}, 400, "malformed"),
        ({"displayName": "x" * 141}, 400, "malformed"),
        ({"displayName": "a\u0000b"}, 400, "malformed"),
        ({"birthDate": "2026-09-02"}, 409, "birthDateInFuture"),
        ({"birthDate": "1980-13-01"}, 400, "malformed"),
        ({"role": "admin"}, 400, "malformed"),
    ],
)
def test_what_is_wrong_about_a_person_is_said_without_repeating_it(
    house: House, fields: dict[str, object], status: int, code: str
) -> None:
    answer = house.caseworker.post("/holders", json=person(**fields))
    assert (answer.status_code, code_of(answer)) == (status, code)
    for secret in ("111222334", "NL92ABNA0417164300", "TR330006100519786457841326", BSN, IBAN):
        assert secret not in answer.text


def test_the_same_request_again_gives_the_same_person(house: House) -> None:
    first, second = (
        house.caseworker.post("/holders", json=person(), headers={"Idempotency-Key": "k"}) for _ in range(2)
    )
    assert second.json() == first.json()
    assert second.headers["Idempotency-Hit"] == "true"
    other = house.caseworker.post("/holders", json=person(bsn="123456782"), headers={"Idempotency-Key": "k"})
    assert other.status_code == 422


def test_an_iban_is_confirmed_by_another_and_usable_three_days_later(house: House) -> None:
    registered = house.caseworker.post("/holders", json=person()).json()
    own = house.caseworker.post("/iban-confirmations", json={"ibanIds": [registered["ibanId"]]}).json()
    assert (own["confirmed"], own["refused"]) == (0, [{"ibanId": registered["ibanId"], "code": "sameSubject"}])
    answer = house.second_caseworker.post("/iban-confirmations", json={"ibanIds": [registered["ibanId"], NOBODY]})
    assert answer.json() == {
        "confirmed": 1,
        "refused": [{"ibanId": NOBODY, "code": "unknownIban"}],
        "usableFrom": "2026-09-04",
    }
    again = house.second_caseworker.post("/iban-confirmations", json={"ibanIds": [registered["ibanId"]]}).json()
    assert again["refused"] == [{"ibanId": registered["ibanId"], "code": "alreadyDecided"}]


def test_an_iban_named_twice_in_one_request_is_confirmed_once(house: House) -> None:
    iban = house.caseworker.post("/holders", json=person()).json()["ibanId"]
    answer = house.second_caseworker.post("/iban-confirmations", json={"ibanIds": [iban, iban]}).json()
    assert (answer["confirmed"], [refused["code"] for refused in answer["refused"]]) == (1, ["alreadyDecided"])


def test_a_thousand_ibans_are_confirmed_at_once_and_no_more(house: House) -> None:
    iban = house.caseworker.post("/holders", json=person()).json()["ibanId"]
    full = house.second_caseworker.post("/iban-confirmations", json={"ibanIds": [iban] + [NOBODY] * 999})
    assert (full.status_code, full.json()["confirmed"]) == (200, 1)
    assert house.second_caseworker.post("/iban-confirmations", json={"ibanIds": [NOBODY] * 1001}).status_code == 400


def test_a_changed_iban_replaces_the_old_one_only_once_it_is_usable(house: House) -> None:
    holder = house.holder(1)
    proposed = house.caseworker.post(f"/holders/{holder}/ibans", json={"iban": IBAN})
    assert (proposed.status_code, proposed.json()["state"]) == (202, "proposed")
    house.today("2026-09-10")
    house.confirm([proposed.json()["id"]])

    def states() -> list[tuple[str, str]]:
        ibans = house.caseworker.get(f"/holders/{holder}").json()["ibans"]
        return [(iban["iban"][-4:], iban["state"]) for iban in ibans]

    house.today("2026-09-12")
    assert states() == [("4300", "confirmed"), (example_iban(1)[-4:], "confirmed")]
    house.today("2026-09-13")
    assert states() == [("4300", "confirmed"), (example_iban(1)[-4:], "replaced")]


def test_a_proposed_iban_can_be_turned_down_and_then_never_confirmed(house: House) -> None:
    registered = house.caseworker.post("/holders", json=person()).json()
    path = f"/holders/{registered['id']}/ibans/{registered['ibanId']}/rejections"
    assert (
        house.second_caseworker.post(path, json={"reason": "Staat op naam van een ander"}).json()["state"] == "refused"
    )
    assert code_of(house.second_caseworker.post(path, json={"reason": "Nog eens"})) == "alreadyDecided"
    confirmed = house.second_caseworker.post("/iban-confirmations", json={"ibanIds": [registered["ibanId"]]}).json()
    assert confirmed["refused"][0]["code"] == "alreadyDecided"
    wrong = f"/holders/{NOBODY}/ibans/{registered['ibanId']}/rejections"
    assert house.second_caseworker.post(wrong, json={"reason": "x"}).status_code == 404


def test_the_database_itself_refuses_that_a_proposer_confirms(house: House, wallet_owner_url: str) -> None:
    iban = house.caseworker.post("/holders", json=person()).json()["ibanId"]
    with psycopg.connect(wallet_owner_url) as connection, pytest.raises(psycopg.errors.CheckViolation):
        connection.execute(
            "UPDATE holders.iban SET state = 'confirmed', confirmed_by = proposed_by, confirmed_on = proposed_on,"
            " confirmed_at = now(), usable_from = proposed_on WHERE id = %s",
            (iban,),
        )


def test_the_service_can_neither_change_nor_remove_what_the_vault_holds(house: House) -> None:
    house.caseworker.post("/holders", json=person())
    for statement in (
        "UPDATE holders.iban SET ciphertext = ''",
        "UPDATE holders.holder SET bsn_index = NULL",
        "DELETE FROM holders.holder",
        "DELETE FROM holders.iban",
        "TRUNCATE holders.iban",
    ):
        with pytest.raises(Exception, match="permission denied"), house.database.transaction() as db:
            db.execute(text(statement))


def test_bsn_iban_and_name_stand_nowhere_in_the_open(house: House, wallet_superuser_url: str) -> None:
    answer = house.caseworker.post("/holders", json=person(), headers={"Idempotency-Key": "canary"})
    stream = io.StringIO()
    handler = logging.StreamHandler(stream)
    logging.getLogger().addHandler(handler)
    house.caseworker.post("/holders", json=person())
    house.caseworker.post("/holders", json=person(iban="NL91ABNA0417164301"))
    logging.getLogger().removeHandler(handler)
    found = []
    with psycopg.connect(wallet_superuser_url) as connection:
        tables = connection.execute(
            "SELECT schemaname || '.' || tablename FROM pg_tables"
            " WHERE schemaname NOT IN ('pg_catalog', 'information_schema')"
        ).fetchall()
        for (table,) in tables:
            for (row,) in connection.execute(f"SELECT t::text FROM {table} t"):  # type: ignore[arg-type]
                found += [
                    (table, secret)
                    for secret in (BSN, IBAN, "José", BSN.encode().hex(), IBAN.encode().hex())
                    if secret in row
                ]
    assert found == [("holders.holder", "José")]
    assert not [secret for secret in (BSN, IBAN) if secret in stream.getvalue() + answer.text]


def test_a_holder_sees_their_own_purses_and_nobody_elses(house: House) -> None:
    anna, bram = house.holder(1, vrij=59_964), house.holder(2, vrij=1)
    own = house.client(Role.PASS_HOLDER, "anna", holder_id=anna)
    assert own.get(f"/holders/{anna}/purses").json()["items"] == [
        {"purse": "vrij", "asset": "EUR", "balance": 59_964, "held": 0, "available": 59_964}
    ]
    for path in ("", "/purses", "/transactions"):
        assert own.get(f"/holders/{anna}{path}").status_code == 200
        assert own.get(f"/holders/{bram}{path}").status_code == 404
        assert own.get(f"/holders/{NOBODY}{path}").status_code == 404
        assert own.get(f"/holders/not-an-id{path}").status_code == 404
        assert house.auditor.get(f"/holders/{bram}{path}").status_code == 200
        assert house.auditor.get(f"/holders/{NOBODY}{path}").status_code == 404
        assert house.maker.get(f"/holders/{bram}{path}").status_code == 403
    assert house.client(Role.PASS_HOLDER, "nobody").get(f"/holders/{anna}/purses").status_code == 404


def test_purses_that_never_held_anything_are_not_listed(house: House) -> None:
    holder = house.holder(1)
    assert house.caseworker.get(f"/holders/{holder}/purses").json() == {"items": [], "nextCursor": None}
    assert house.caseworker.get(f"/holders/{holder}/transactions").json() == {"items": [], "nextCursor": None}


def test_transactions_come_newest_first_in_words_and_in_pages(house: House) -> None:
    holder = house.holder(1)
    for amount in (100, 200, 300):
        house.put(holder, amount)
    first = house.caseworker.get(f"/holders/{holder}/transactions?limit=2")
    assert [(row["amount"], row["balanceAfter"]) for row in first.json()["items"]] == [(300, 600), (200, 300)]
    assert first.json()["items"][0]["explanation"] == "Correctie door de gemeente"
    assert 'rel="next"' in first.headers["Link"]
    cursor = first.json()["nextCursor"]
    rest = house.caseworker.get(f"/holders/{holder}/transactions?limit=2&cursor={cursor}").json()
    assert ([row["amount"] for row in rest["items"]], rest["nextCursor"]) == ([100], None)
    assert house.caseworker.get(f"/holders/{holder}/transactions?cursor=zzz").status_code == 400
    nothing = house.caseworker.get(f"/holders/{holder}/transactions?from=2026-07-02&to=2026-07-31").json()
    assert nothing["items"] == []


@pytest.mark.parametrize("role", [role for role in Role if role not in (Role.CASEWORKER, Role.SERVICE)])
def test_only_a_caseworker_registers_and_confirms(house: House, role: Role) -> None:
    other = house.client(role, "other")
    for path, body in (
        ("/holders", person()),
        (f"/holders/{NOBODY}/ibans", {"iban": IBAN}),
        ("/iban-confirmations", {"ibanIds": [NOBODY]}),
        (f"/holders/{NOBODY}/blocks", {"reason": "x"}),
    ):
        assert other.post(path, json=body).status_code == 403


def test_a_block_is_set_and_lifted_with_a_reason_once_each(house: House) -> None:
    holder = house.holder(1)
    blocks, unblockings = f"/holders/{holder}/blocks", f"/holders/{holder}/unblockings"
    assert code_of(house.caseworker.post(unblockings, json={"reason": "x"})) == "notBlocked"
    assert house.caseworker.post(blocks, json={"reason": "Onderzoek"}).json()["blocked"] is True
    assert code_of(house.caseworker.post(blocks, json={"reason": "Nog eens"})) == "alreadyBlocked"
    assert house.caseworker.get(f"/holders/{holder}").json()["blocked"] is True
    assert house.caseworker.post(unblockings, json={"reason": "Klaar"}).json()["blocked"] is False
    assert house.caseworker.post(f"/holders/{NOBODY}/blocks", json={"reason": "x"}).status_code == 404


def test_a_scheme_is_told_who_is_nobody_and_no_more(house: House) -> None:
    person = house.holder(1)
    scheme = house.callers.service_client(house.api, "wallet", "sociaal-krediet", on_behalf_of="hanna")
    payee = scheme.post("/payees", json={"name": "Energie Noord", "iban": example_iban(2)}).json()["id"]
    asked = [person, NOBODY, "niemand", payee, person.upper(), NOBODY]
    answer = scheme.post("/holder-checks", json={"holders": asked})
    assert (answer.status_code, answer.json()) == (200, {"unknown": [NOBODY, "niemand", payee, person.upper()]})
    assert scheme.post("/holder-checks", json={"holders": [person]}).json() == {"unknown": []}
    for holders in ([], [NOBODY] * 101, [""]):
        assert scheme.post("/holder-checks", json={"holders": holders}).status_code == 400
    assert house.caseworker.post("/holder-checks", json={"holders": [person]}).status_code == 403
    assert scheme.post("/holder-checks", json={}, headers={"Idempotency-Key": ""}).status_code == 400
