"""Arrears: a friendly message, then work for the helper, then for an officer, each once and never a cost (SK-10)."""

from __future__ import annotations

from typing import Any

from foundation.access import Role
from tests.integration.sociaal_krediet.lending_town import Town
from tests.support.callers import Client


def tasks(town: Town, by: Client, state: str = "open") -> list[dict[str, Any]]:
    items: list[dict[str, Any]] = town.get(f"/tasks?state={state}", by)["items"]
    return items


def test_sk10_each_step_is_taken_once_on_its_day_and_none_for_who_paid(town: Town) -> None:
    late_holder, paid_holder = town.holder(1), town.holder(2)
    late, paid = town.loan(late_holder, 40_000, 4), town.loan(paid_holder, 40_000, 4)
    borrower = town.client(Role.PASS_HOLDER, "piet", holder_id=late_holder)
    colleague = town.client(Role.HELPER, "harm")
    town.today("2026-10-01")
    town.repay(paid, 10_000, "2026-10-01")

    def told() -> list[str]:
        return [one["kind"] for one in town.get("/notices", borrower)["items"]]

    def counted(day: str) -> tuple[int, int, int]:
        """The messages, the helper's tasks and the officer's tasks on a day, however often it is looked at."""
        town.on(day)
        town.settle()
        return told().count("arrears"), len(tasks(town, town.helper)), len(tasks(town, town.officer))

    assert counted("2026-10-14") == (0, 0, 0)
    assert counted("2026-10-15") == (1, 0, 0)
    assert counted("2026-10-30") == (1, 0, 0)
    assert counted("2026-10-31") == (1, 1, 0)
    town.today("2026-11-01")
    town.repay(paid, 10_000, "2026-11-01")
    assert counted("2026-11-29") == (1, 1, 0)
    assert counted("2026-11-30") == (1, 1, 1)
    assert counted("2026-12-09") == (1, 1, 1)
    assert tasks(town, colleague) == [] == tasks(town, town.finance)

    # 1 October and 1 November and 1 December: 300.00 late, the oldest for 69 days.
    (helpers,), (officers,) = tasks(town, town.helper), tasks(town, town.second_officer)
    assert (helpers["kind"], helpers["loanId"], helpers["subject"]) == ("arrearsHelper", late, "hanna")
    assert (officers["kind"], officers["dueOn"], officers["subject"]) == ("arrearsOfficer", "2026-11-30", None)
    assert "1 oktober 2026 is 30 dagen te laat" in helpers["details"] and "€ 100,00" in helpers["details"]
    assert "pauze" in officers["details"] and "€ 200,00" in officers["details"]
    words = next(one for one in town.get("/notices", borrower)["items"] if one["kind"] == "arrears")["text"]
    assert "1 oktober 2026" in words and "€ 300,00 te laat" in words and "geen kosten" in words

    summaries = town.get("/loans?late=true")["items"]
    assert [(one["id"], one["daysLate"], one["arrears"]) for one in summaries] == [
        (paid, 8, 10_000),
        (late, 69, 30_000),
    ]
    assert town.get(f"/loans/{late}")["outstanding"] == 40_000
    assert town.get("/portfolio")["arrears"] == [
        {"age": "1-14", "loans": 1, "amount": 10_000},
        {"age": "61-90", "loans": 1, "amount": 30_000},
    ]

    done = {"outcome": "Gebeld: zij betaalt vrijdag."}
    completion = f"/tasks/{helpers['id']}/completions"
    for stranger in (colleague, town.officer):
        assert stranger.post(completion, json=done).status_code == 404
    assert town.helper.post(completion, json=done).json()["doneBy"] == "hanna"
    again = town.helper.post(completion, json=done)
    assert (again.status_code, again.json()["errors"][0]["code"]) == (409, "alreadyDecided")
    assert tasks(town, town.helper) == [] and tasks(town, town.helper, "done")[0]["outcome"] == done["outcome"]

    # The instalment of 1 October is paid: the next one, of 1 November, is 38 days late and has steps of its own.
    town.repay(late, 10_000, "2026-12-09")
    assert counted("2026-12-10") == (2, 1, 1)
    town.repay(late, 30_000, "2026-12-10")
    # The other loan is 90 days late by then, with steps of its own.
    assert counted("2027-03-01") == (2, 2, 2)
    assert told()[0] == "settled"
    # A reminder that is only read now does not ask for what was paid.
    reminders = [one for one in town.get("/notices", borrower)["items"] if one["kind"] == "arrears"]
    assert all("niets meer schuldig" in one["text"] for one in reminders)
    assert town.get("/portfolio")["arrears"] == [{"age": "61-90", "loans": 1, "amount": 20_000}]
    assert [one["loanId"] for one in tasks(town, town.officer)] == [paid, late]
