"""Applying for a loan or a gift: every refusal by name, repetitions, and who sees what (SK-1, SK-2, SK-6, SK-8)."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy import text

from foundation.access import Role
from foundation.outbox import DeliveryFailed
from foundation.refusals import Unavailable
from sociaal_krediet.actions import applying
from tests.integration.sociaal_krediet.lending_town import WOONBEDRIJF, Town
from tests.integration.wallet.payouts_house import NOBODY, example_iban

GIFT = {"outcome": "gift", "reason": "Dit helpt."}


def stored(town: Town) -> dict[str, int]:
    """How many applications and creditors there are, and payees in the wallet."""
    with town.database.reading() as db:
        counts = {
            name: db.execute(text(f"SELECT count(*) FROM sociaal_krediet.{name}")).scalar_one()
            for name in ("application", "creditor")
        }
    with town.house.database.reading() as db:
        payees = db.execute(text("SELECT count(*) FROM holders.holder WHERE kind = 'payee'")).scalar_one()
    return {**counts, "payees": payees}


class AwayWallet:
    """A wallet that does not answer."""

    def __getattr__(self, name: str) -> Any:
        def ask(*_: Any, **__: Any) -> Any:
            raise DeliveryFailed(f"no answer to {name}")

        return ask


def stop(*_: Any) -> None:
    raise Unavailable("de stroom valt uit")


def creditor(amount: int, number: int = 900, **changes: Any) -> dict[str, Any]:
    return {**WOONBEDRIJF, "iban": example_iban(number), "amount": amount, **changes}


def test_every_refusal_has_its_name_and_leaves_nothing_behind(town: Town) -> None:
    holder, partner = town.holder(1), town.holder(2)

    def refused(amount: int = 10_000, months: int | None = 10, **changes: Any) -> tuple[int, str, str]:
        answer = town.helper.post("/applications", json=town.body(holder, amount, months, **changes))
        error = answer.json()["errors"][0]
        return answer.status_code, error["code"], error["pointer"]

    def household(size: int, *members: str) -> dict[str, Any]:
        return {"size": size, "members": list(members)}

    assert refused(months=37) == refused(months=-1) == (409, "monthsOutOfRange", "/months")
    assert refused(amount=5, months=6) == (409, "amountTooSmall", "/amount")
    assert refused(creditors=[creditor(9_999)]) == (409, "linesDoNotAddUp", "/creditors")
    assert refused(creditors=[]) == (409, "noCreditors", "/creditors")
    assert refused(kind="loan", months=None) == (409, "incomplete", "/months")
    assert refused(consentGivenOn="2026-09-02") == (409, "incomplete", "/consentGivenOn")
    assert refused(household=household(1, holder, partner)) == (409, "incomplete", "/household/size")
    assert refused(household=household(1, partner)) == (409, "incomplete", "/household/size")
    assert refused(household=household(2, holder, NOBODY)) == (409, "unknownHolder", "/household/members")
    for nobody in ("niemand", holder.replace("-", ""), NOBODY):
        assert refused(holderId=nobody, household=household(1)) == (409, "unknownHolder", "/holderId")
    assert refused(creditors=[creditor(4_000), creditor(6_000, iban="NL00TRIO0000000001")]) == (
        400,
        "ibanMalformed",
        "/creditors/1/iban",
    )
    assert refused(acuteNeed=" ")[:2] == (400, "malformed")
    assert refused(applicant="hanna")[:2] == (400, "malformed")
    # SK-1: a parent with a child is a household of two; the cap holds for a gift too.
    assert refused(175_001, months=36)[:2] == refused(175_001, months=None)[:2] == (409, "overCap")
    assert refused(250_001, months=36, household=household(2, holder))[:2] == (409, "overCap")
    # Only the first, good creditor beside the malformed one is with the wallet: owed nothing and confirmed by nobody.
    assert stored(town) == {"application": 0, "creditor": 0, "payees": 1}
    relative = town.client(Role.HELPER, "harm", holder_id=partner)
    answer = relative.post("/applications", json=town.body(holder, household=household(2, holder, partner)))
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (403, "involved")
    assert town.officer.post("/applications", json=town.body(holder)).status_code == 403
    assert stored(town) == {"application": 0, "creditor": 0, "payees": 1}


def test_sk1_the_cap_counts_the_loans_of_every_member_and_names_what_is_left(town: Town) -> None:
    holder, partner = town.holder(1), town.holder(2)
    town.loan(holder, amount=100_000, months=10)
    together = {"size": 3, "members": [partner, holder]}

    answer = town.helper.post("/applications", json=town.body(partner, 150_001, 36, household=together))
    error = answer.json()["errors"][0]
    assert (answer.status_code, error["code"], error["pointer"]) == (409, "overCap", "/amount")
    assert (error["cap"], error["outstanding"], error["room"]) == (250_000, 100_000, 150_000)
    assert "€ 2.500,00" in error["message"] and "€ 1.000,00" in error["message"] and "€ 1.500,00" in error["message"]

    # Applications on which nobody has decided do not count.
    first = town.apply(partner, amount=150_000, household=together)
    second = town.apply(partner, amount=150_000, household=together)
    assert town.get(f"/applications/{first}")["cap"] == {"cap": 250_000, "outstanding": 100_000, "room": 150_000}
    assert first != second


def test_a_draft_is_told_what_it_lacks_and_what_it_would_cost(town: Town) -> None:
    holder = town.holder()
    town.loan(holder, amount=100_000, months=10)

    empty = town.helper.post("/application-checks", json={}).json()
    assert (empty["complete"], empty["cap"], empty["instalment"]) == (False, None, None)
    assert [one["pointer"] for one in empty["missing"]] == [
        "/holderId", "/household/size", "/kind", "/amount", "/acuteNeed", "/perspective", "/consentGivenOn",
        "/creditors",
    ]  # fmt: skip

    whole = town.helper.post("/application-checks", json=town.body(holder, 75_000, 36)).json()
    # 750.00 in 36: 20.83 a month; 1,750.00 less 1,000.00 leaves exactly that.
    assert whole == {
        "complete": True,
        "missing": [],
        "cap": {"cap": 175_000, "outstanding": 100_000, "room": 75_000},
        "instalment": 2_083,
    }
    over = town.helper.post("/application-checks", json=town.body(holder, 75_001, 36)).json()
    assert (over["complete"], over["missing"]) == (False, [])
    assert stored(town)["application"] == 1


def test_the_same_application_again_is_the_same_application(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    holder = town.holder()
    body = town.body(holder, 30_000, 10, creditors=[creditor(10_000), creditor(20_000, 901, name="Energie Noord")])
    key = {"Idempotency-Key": "aanvraag-1"}

    # The wallet answers, and then we fall over: the payees are there, the application is not.
    with monkeypatch.context() as broken:
        broken.setattr(applying, "apply_for", stop)
        assert town.helper.post("/applications", json=body, headers=key).status_code == 503
    assert stored(town) == {"application": 0, "creditor": 0, "payees": 2}

    made = town.helper.post("/applications", json=body, headers=key)
    again = town.helper.post("/applications", json=body, headers=key)
    assert made.status_code == again.status_code == 201 and made.json() == again.json()
    assert again.headers["Idempotency-Hit"] == "true"
    assert stored(town) == {"application": 1, "creditor": 2, "payees": 2}

    other_iban = {**body, "creditors": [body["creditors"][0], creditor(20_000, 902, name="Energie Noord")]}
    other_amount = {**body, "perspective": "Iets anders."}
    for other in (other_iban, other_amount):
        assert town.helper.post("/applications", json=other, headers=key).status_code == 422
    # The same key of somebody else is another application.
    colleague = town.client(Role.HELPER, "harm")
    assert colleague.post("/applications", json=body, headers=key).json()["id"] != made.json()["id"]
    assert stored(town) == {"application": 2, "creditor": 4, "payees": 4}

    # An IBAN is nowhere in this service.
    with town.database.reading() as db:
        rows = db.execute(text("SELECT to_jsonb(c)::text FROM sociaal_krediet.creditor c")).scalars()
        kept = db.execute(text("SELECT convert_to(body, 'UTF8') FROM idempotency")).scalars()
        assert not any(example_iban(900) in str(row) for row in [*rows, *kept])


def test_while_the_wallet_is_away_nothing_is_kept_and_the_same_request_works_later(town: Town) -> None:
    holder = town.holder()
    body, key = town.body(holder, 10_000, 10), {"Idempotency-Key": "aanvraag-1"}
    wallet, town.api.state.wallet = town.wallet, AwayWallet()
    away = town.helper.post("/applications", json=body, headers=key)
    assert (away.status_code, away.json()["errors"][0]["code"]) == (503, "unavailable")
    assert stored(town) == {"application": 0, "creditor": 0, "payees": 0}
    # A refusal by our own rules needs no wallet.
    assert town.helper.post("/applications", json=town.body(holder, 175_001)).status_code == 409
    assert town.get("/portfolio")["ledger"] == {"lent": None, "onItsWay": 0, "difference": None}
    town.api.state.wallet = wallet
    assert town.helper.post("/applications", json=body, headers=key).status_code == 201


def test_each_sees_their_own_applications_and_withdraws_only_those(town: Town) -> None:
    holder, other = town.holder(1), town.holder(2)
    application = town.apply(holder, amount=10_000, months=10, documents=[{"title": "Vonnis", "reference": "Z/1"}])
    path = f"/applications/{application}"

    shown = town.get(path, town.helper)
    assert (shown["state"], shown["months"], shown["members"], shown["decision"]) == ("submitted", 10, [holder], None)
    assert shown["documents"] == [{"title": "Vonnis", "reference": "Z/1"}]
    assert [(one["name"], one["amount"], one["state"]) for one in shown["creditors"]] == [
        ("Woonbedrijf De Sleutel", 10_000, "asked")
    ]
    colleague = town.client(Role.HELPER, "harm")
    strangers = (colleague, town.client(Role.PASS_HOLDER, "pia", holder_id=other), town.client(Role.PASS_HOLDER, "p"))
    for stranger in strangers:
        assert stranger.get(path).status_code == 404
    for reader in (town.client(Role.PASS_HOLDER, "piet", holder_id=holder), town.officer, town.auditor, town.finance):
        assert town.get(path, reader)["id"] == application
    assert town.client(Role.ORGANISATION, "org", organisation_id="1").get(path).status_code == 403
    assert town.helper.get("/applications/no-id").status_code == 404

    assert colleague.post(f"{path}/withdrawals").status_code == 404
    assert town.helper.post(f"{path}/withdrawals").json() == {"id": application, "state": "withdrawn"}
    for client, act, body in ((town.helper, "withdrawals", None), (town.officer, "decisions", GIFT)):
        answer = client.post(f"{path}/{act}", json=body)
        assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "notSubmitted")


def test_lists_are_of_ones_own_and_go_on_where_a_page_ends(town: Town) -> None:
    holder, other = town.holder(1), town.holder(2)
    made = [town.apply(holder, amount=1_000, months=10) for _ in range(3)]
    made.append(town.apply(other, amount=1_000, months=None))
    town.helper.post(f"/applications/{made[0]}/withdrawals")
    town.decide(made[3], "gift")

    def listed(query: str, by: Any = None) -> list[str]:
        return [one["id"] for one in town.get(f"/applications{query}", by or town.officer)["items"]]

    assert listed("") == made[::-1] == listed("", town.helper)
    assert listed("", town.client(Role.HELPER, "harm")) == []
    assert listed("?state=submitted") == [made[2], made[1]]
    assert listed(f"?holderId={other}&state=decided") == [made[3]]
    first = town.helper.get("/applications?limit=3")
    assert [one["id"] for one in first.json()["items"]] == [made[3], made[2], made[1]]
    cursor = first.json()["nextCursor"]
    assert f"cursor={cursor}" in first.headers["Link"]
    rest = town.get(f"/applications?limit=3&cursor={cursor}", town.helper)
    assert [one["id"] for one in rest["items"]] == [made[0]] and rest["nextCursor"] is None
    assert town.helper.get("/applications?cursor=x").status_code == 400
    assert town.get(f"/applications/{made[3]}")["kind"] == "gift"
