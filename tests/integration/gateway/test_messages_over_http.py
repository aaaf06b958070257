"""What a pass holder was told, on the page, before the real burgerbudget and a small wallet."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Callable, Iterator

import httpx
import pytest
from fastapi import FastAPI, Response
from joserfc.jwk import OKPKey

from burgerbudget.app import make_api
from foundation.access import GATEWAY, TokenVerifier
from foundation.database import Database
from gateway.pages.pass_holder import notices
from tests.integration.gateway.conftest import MakeGateway, Serve
from tests.integration.gateway.running import House, Running
from tests.integration.gateway.wallet_stand_in import StandInWallet
from tests.support.builders.burgerbudget import LedgerOnPaper, a_participant, an_organisation, close, hours_worked

NB = "\N{NO-BREAK SPACE}"
MARIA = "0190aaaa-0000-7000-8000-000000000001"
OTHER = "0190aaaa-0000-7000-8000-000000000002"
CANNOT = "Wij kunnen uw berichten nu niet ophalen. Uw geld staat hier wel."

Today = Callable[[str], None]


@pytest.fixture
def burgerbudget(burgerbudget_database: Database, house: House, serve: Serve, today: Today) -> Running:
    """Maria worked 36 hours in 2026-Q3, which is closed; somebody else takes part in nothing."""
    database, ledger = burgerbudget_database, LedgerOnPaper()
    today("2026-07-01")
    organisation = an_organisation(database)
    person = a_participant(database, holder_id=MARIA)
    today("2026-09-30")
    for day in ("2026-08-01", "2026-08-02"):
        hours_worked(database, organisation, person, "18", day)
    today("2026-10-01")
    close(database, ledger, "2026-Q3")
    public = OKPKey.import_key(house.gateway_key.as_dict(private=False))
    return serve(make_api(database, TokenVerifier("burgerbudget", {GATEWAY: public})))


@pytest.fixture
def wallet(house: House, serve: Serve) -> Running:
    made = StandInWallet(house.gateway_key)
    made.add(MARIA, "vrij", 53964)
    made.add(OTHER, "vrij", 700)
    return serve(made.app)


@pytest.fixture
def visit(make_gateway: MakeGateway, wallet: Running) -> Iterator[Callable[..., httpx.Response]]:
    """Sign somebody in on a gateway before this burgerbudget, and open a page."""
    clients: list[httpx.Client] = []

    def open_page(holder: str, burgerbudget_url: str, path: str = "/mijn") -> httpx.Response:
        served = make_gateway(**(House.everywhere(wallet.url) | {"burgerbudget_url": burgerbudget_url}))
        client = httpx.Client(base_url=served.url, headers={"Sec-Fetch-Site": "same-origin"}, timeout=30)
        clients.append(client)
        client.post("/aanmelden", data={"rol": "pass-holder", "houder": holder})
        return client.get(path)

    yield open_page
    for client in clients:
        client.close()


Visit = Callable[..., httpx.Response]


def test_the_newest_messages_are_on_the_page_with_their_text_and_the_objection_date(
    burgerbudget: Running, visit: Visit
) -> None:
    page = visit(MARIA, burgerbudget.url)
    assert page.status_code == 200
    section = page.text.partition('<h2 id="berichten">Berichten</h2>')[2].partition("</section>")[0]
    assert re.findall(r"<h3>(.*?)</h3>", section) == [
        'Wij vullen uw burgerbudget aan <span class="new">nieuw</span>',
        'U doet mee met het burgerbudget <span class="new">nieuw</span>',
    ]
    assert "<p>Beste deelnemer, wij hebben besloten: wij vullen uw burgerbudget aan met € 539,64.</p>" in section
    assert "Waarom? U werkte 36 uur in het 3e kwartaal van 2026; 36 uur is genoeg." in section
    assert f'bezwaar maken tot en met <time datetime="2026-11-12">12{NB}november{NB}2026</time>.' in section
    assert f'bezwaar maken tot en met <time datetime="2026-08-12">12{NB}augustus{NB}2026</time>.' in section
    assert section.count("<details>") == section.count("<summary>") == 2


def test_what_was_read_is_not_new_any_more(
    burgerbudget: Running, burgerbudget_database: Database, visit: Visit
) -> None:
    burgerbudget_database.run(
        lambda db: db.connection().exec_driver_sql("UPDATE burgerbudget.notice SET read_at = now()")
    )
    page = visit(MARIA, burgerbudget.url)
    assert "Wij vullen uw burgerbudget aan</h3>" in page.text
    assert 'class="new"' not in page.text


def test_earlier_pages_of_the_timeline_do_not_repeat_the_messages(burgerbudget: Running, visit: Visit) -> None:
    page = visit(MARIA, burgerbudget.url, "/mijn?cursor=0")
    assert page.status_code == 200
    assert "Berichten" not in page.text


def test_who_takes_part_in_nothing_has_no_messages(burgerbudget: Running, visit: Visit) -> None:
    page = visit(OTHER, burgerbudget.url)
    assert page.status_code == 200
    assert f"€{NB}7,00" in page.text
    assert "Berichten" not in page.text


def test_a_burgerbudget_that_is_down_keeps_nobody_from_their_money(visit: Visit) -> None:
    page = visit(MARIA, "http://127.0.0.1:1")
    assert page.status_code == 200
    assert f"€{NB}539,64" in page.text
    assert CANNOT in page.text


def test_a_burgerbudget_that_is_slow_or_refuses_keeps_nobody_from_their_money(
    serve: Serve, visit: Visit, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(notices, "DEADLINE_S", 0.2)
    app = FastAPI()
    answers: list[Response | None] = [None, Response(status_code=403), Response(status_code=500)]

    @app.get("/api/burgerbudget/v1/participants")
    async def participants() -> Response:
        answer = answers[0]
        if answer is None:
            await asyncio.sleep(60)
        return answer or Response()

    served = serve(app)
    while answers:
        page = visit(MARIA, served.url)
        assert page.status_code == 200
        assert f"€{NB}539,64" in page.text
        assert CANNOT in page.text
        answers.pop(0)


LOAN = {
    "id": "l-1",
    "state": "active",
    "number": 7,
    "outstanding": 76390,
    "arrears": 4861,
    "rfReference": "RF28SK0000000001",
    "instalments": [
        {"number": 1, "dueOn": "2026-10-01", "amount": 4861, "paid": 4861, "state": "paid"},
        {"number": 2, "dueOn": "2026-11-01", "amount": 4861, "paid": 1000, "state": "open"},
        {"number": 3, "dueOn": "2026-12-01", "amount": 72529, "paid": 0, "state": "open"},
    ],
}
NOTICE = {
    "id": "n-1",
    "subject": "Een termijn van uw lening is nog niet betaald",
    "text": "Beste lezer, op 1 november 2026 was een termijn aan de beurt.\n\nWij rekenen geen kosten.",
    "madeOn": "2026-11-15",
    "readAt": None,
}


def test_a_loan_and_what_was_told_of_it_stand_on_the_page(
    burgerbudget: Running, house: House, serve: Serve, make_gateway: MakeGateway
) -> None:
    made = StandInWallet(house.gateway_key)
    made.add(MARIA, "vrij", 53964)
    made.loans, made.notices = [LOAN], [NOTICE]
    behind = serve(made.app)
    served = make_gateway(**(House.everywhere(behind.url) | {"burgerbudget_url": burgerbudget.url}))
    with httpx.Client(base_url=served.url, headers={"Sec-Fetch-Site": "same-origin"}, timeout=30) as client:
        client.post("/aanmelden", data={"rol": "pass-holder", "houder": MARIA})
        page = client.get("/mijn").text

    loan = page.partition('<h2 id="lening">Uw lening</h2>')[2].partition("</section>")[0]
    assert f"€{NB}763,90" in loan and f"€{NB}48,61 is te laat" in loan
    assert (
        f"Eerste termijn die open staat: €{NB}38,61 op" in loan
        and "Daarna nog 1." in loan
        and "RF28SK0000000001" in loan
    )
    told = page.partition('<h2 id="berichten">Berichten</h2>')[2].partition("</section>")[0]
    subjects = re.findall(r"<h3>(.*?) <span", told)
    assert subjects[0] == NOTICE["subject"] and len(subjects) == 3
    # A message about arrears is no decision: there is nothing to object to.
    assert told.count("bezwaar maken tot en met <time") == 2


def test_lending_that_is_down_keeps_nobody_from_their_money(
    burgerbudget: Running, wallet: Running, make_gateway: MakeGateway
) -> None:
    served = make_gateway(wallet_url=wallet.url, burgerbudget_url=burgerbudget.url)
    with httpx.Client(base_url=served.url, headers={"Sec-Fetch-Site": "same-origin"}, timeout=30) as client:
        client.post("/aanmelden", data={"rol": "pass-holder", "houder": MARIA})
        page = client.get("/mijn").text
    assert f"€{NB}539,64" in page
    assert "Wij kunnen uw lening nu niet ophalen." in page
    assert "Wij kunnen uw berichten nu niet allemaal ophalen." in page
    assert "Wij vullen uw burgerbudget aan" in page
