"""Quarterly statements: the figures on paper, read back by another library, and what makes them checkable."""

from __future__ import annotations

import io
import re
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any
from uuid import UUID

import pypdf
import pytest
from fastapi import FastAPI
from sqlalchemy import text

from foundation.access import Role
from foundation.application import create_api
from tests.integration.wallet.test_audit.conftest import Books
from tests.support.callers import Callers, Client
from wallet.audit import routes as audit_routes
from wallet.audit.statements import routes
from wallet.holders.models import Holder
from wallet.ledger.actions import Transfer, post
from wallet.payouts.settings import PayoutSettings

ZOE = UUID("0199f3a0-7c1e-7d52-9a53-3b1d52c0a001")
OTHER = UUID("0199f3a0-7c1e-7d52-9a53-3b1d52c0a002")
NAME = "Zoë Çelik-Şahin"
FUND = "fund:burgerbudget"
BUDGET, FREE, SWIMMING = (f"holder:{ZOE}:{purse}" for purse in ("burgerbudget", "vrij", "zwemmen"))


@dataclass(frozen=True, slots=True)
class Story:
    """Zoë's purses from the second quarter of 2026 into the fourth, sealed."""

    books: Books
    api: FastAPI
    callers: Callers

    def client(self, role: Role, holder_id: UUID | None = None) -> Client:
        claims = {"holder_id": str(holder_id)} if holder_id else {}
        return self.callers.client(self.api, "wallet", role, **claims)

    @property
    def zoe(self) -> Client:
        return self.client(Role.PASS_HOLDER, ZOE)

    def move(self, day: date, kind: str, source: str, destination: str, amount: int, **more: Any) -> str:
        """Post one transfer; gives its id."""
        asset = more.pop("asset", "EUR")
        with self.books.database.transaction() as db:
            moved = Transfer(source, destination, amount, asset, **more)
            return post(db, kind=kind, value_date=day, actor="burgerbudget", transfers=[moved]).transfer_ids[0]

    def json(self, quarter: str = "2026-Q3", **query: Any) -> dict[str, Any]:
        path = f"/holders/{ZOE}/statements/{quarter}"
        answer = self.zoe.get(path, params=query, headers={"Accept": "application/json"})
        assert answer.status_code == 200, answer.text
        return dict(answer.json())

    def paper(self, quarter: str = "2026-Q3", **query: Any) -> bytes:
        answer = self.zoe.get(f"/holders/{ZOE}/statements/{quarter}", params=query)
        assert answer.status_code == 200, answer.text
        assert answer.headers["content-type"] == "application/pdf"
        return bytes(answer.content)


@pytest.fixture
def story(books: Books, callers: Callers, today: Callable[[str], None]) -> Story:
    """100.00 in June; uses of 51.16 and 12.79 and a top-up in the third quarter; 63.95 paid out in the fourth."""
    settings = PayoutSettings(environment="local", signing_key_file=Path("none"), trusted_keys_file=Path("none"))
    api = create_api(
        "wallet",
        database=books.database,
        verifier=callers.verifier("wallet"),
        routers=[routes.router, audit_routes.router],
        state={"settings": settings},
    )
    with books.database.transaction() as db:
        for holder_id, name in ((ZOE, NAME), (OTHER, "Ander")):
            db.add(
                Holder(
                    id=holder_id,
                    display_name=name,
                    registered_by="eva",
                    registered_on=date(2026, 4, 1),
                    registered_at=datetime(2026, 4, 1, tzinfo=UTC),
                )
            )
        db.execute(text("SELECT ledger.register_owners(:owners)"), {"owners": [f"holder:{ZOE}", f"holder:{OTHER}"]})
    told = Story(books, api, callers)
    told.move(date(2026, 6, 1), "deposit", "bank:current", FUND, 100_000)
    told.move(date(2026, 6, 30), "start", FUND, BUDGET, 10_000, explanation="burgerbudget.start")
    told.move(date(2026, 7, 1), "use", BUDGET, FREE, 5_116, reference="use:1/2026-Q3", explanation="burgerbudget.use")
    told.move(date(2026, 9, 30), "use", BUDGET, FREE, 1_279, reference="use:2/2026-Q3", explanation="burgerbudget.use")
    told.move(date(2026, 9, 30), "top-up", FUND, BUDGET, 6_395, explanation="burgerbudget.top-up")
    told.move(date(2026, 10, 1), "payout", FREE, "bank:outgoing", 6_395, explanation="payout.sent")
    assert books.seal() == 1
    today("2026-10-15")
    return told


def test_a_statement_tells_each_purse_from_opening_to_closing_balance(story: Story) -> None:
    told = story.json()

    header = story.books.rows("SELECT encode(header, 'hex') FROM ledger.block")[0][0]
    assert told.pop("sealedAt").endswith("Z")
    purses = {purse["purse"]: purse for purse in told.pop("purses")}
    assert told == {
        "holderId": str(ZOE),
        "displayName": NAME,
        "quarter": "2026-Q3",
        "from": "2026-07-01",
        "to": "2026-09-30",
        "provisional": False,
        "asOfBlock": 1,
        "asOfHeader": header,
    }
    # 100.00 - 51.16 = 48.84; - 12.79 = 36.05; + 63.95 = 100.00.
    budget = purses["burgerbudget"]
    assert (budget["openingBalance"], budget["closingBalance"], budget["asset"]) == (10_000, 10_000, "EUR")
    assert [(row["valueDate"], row["amount"], row["balance"], row["explanation"]) for row in budget["entries"]] == [
        ("2026-07-01", -5_116, 4_884, "Vrijwilligerswerk: uren in 2026-Q3 naar vrij te besteden"),
        ("2026-09-30", -1_279, 3_605, "Vrijwilligerswerk: uren in 2026-Q3 naar vrij te besteden"),
        ("2026-09-30", 6_395, 10_000, "Burgerbudget: aanvulling na een kwartaal"),
    ]
    free = purses["vrij"]
    assert (free["openingBalance"], free["closingBalance"]) == (0, 6_395)
    assert [(row["amount"], row["balance"], row["reference"]) for row in free["entries"]] == [
        (5_116, 5_116, "use:1/2026-Q3"),
        (1_279, 6_395, "use:2/2026-Q3"),
    ]


def test_the_next_quarter_opens_where_this_one_closed(story: Story) -> None:
    third, fourth = (
        {p["purse"]: (p["openingBalance"], p["closingBalance"]) for p in story.json(quarter)["purses"]}
        for quarter in ("2026-Q3", "2026-Q4")
    )

    assert third == {"burgerbudget": (10_000, 10_000), "vrij": (0, 6_395)}
    assert fourth == {"burgerbudget": (10_000, 10_000), "vrij": (6_395, 0)}
    assert story.json("2026-Q1")["purses"] == []


def test_every_leaf_on_it_is_that_of_the_proof(story: Story) -> None:
    entries = [row for purse in story.json()["purses"] for row in purse["entries"]]

    assert len(entries) == 5
    for row in entries:
        proof = story.client(Role.AUDITOR).get(f"/transfers/{row['id']}/proof").json()
        assert (row["leaf"], row["block"]) == (proof["leaf"], proof["block"]["number"])


def pages(content: bytes) -> tuple[pypdf.PdfReader, str]:
    """Read the paper back; its words with single spaces between them."""
    reader = pypdf.PdfReader(io.BytesIO(content))
    words = " ".join(page.extract_text() for page in reader.pages)
    return reader, re.sub(r"\s+", " ", words)


def test_the_paper_says_what_the_json_says(story: Story) -> None:
    told = story.json()
    _, words = pages(story.paper())

    assert "Gemeente Voorbeeldstad Afschrift over het 3e kwartaal van 2026 Zoë Çelik-Şahin" in words
    assert f"Pashouder {ZOE} Van 1 juli 2026 tot en met 30 september 2026" in words
    assert "Voorlopig" not in words
    budget, free = words.index("Burgerbudget Datum"), words.index("Vrij te besteden Datum")
    sealed = words.index("Controle Elke boeking")
    amounts = re.compile(r"[+-]?€ [\d.]+,\d\d")
    assert amounts.findall(words[budget:free]) == [
        *("€ 100,00", "-€ 51,16", "€ 48,84", "-€ 12,79", "€ 36,05", "+€ 63,95", "€ 100,00", "€ 100,00")
    ]
    assert amounts.findall(words[free:sealed]) == ["€ 0,00", "+€ 51,16", "€ 51,16", "+€ 12,79", "€ 63,95", "€ 63,95"]
    assert "01-07-2026 Vrijwilligerswerk: uren in het 3e kwartaal van 2026 naar vrij te besteden" in words[free:]
    assert "use:1/2026-Q3" in words[free:sealed]
    assert f"Tot en met blok 1, kop {told['asOfHeader']}" in words
    for purse in told["purses"]:
        for row in purse["entries"]:
            assert f"{row['id']} 1 {row['leaf']}" in words[sealed:]


def test_the_paper_is_an_archive_document_in_dutch(story: Story) -> None:
    reader, _ = pages(story.paper())

    root: Any = reader.root_object
    assert root["/Lang"] == "nl"
    about = reader.xmp_metadata
    assert about is not None
    assert about.dc_title == {"x-default": "Afschrift over het 3e kwartaal van 2026"}
    assert b"<pdfaid:part>2</pdfaid:part>" in root["/Metadata"].get_data()
    fonts = [font.get_object() for page in reader.pages for font in page["/Resources"]["/Font"].values()]
    assert all("Lato" in font["/BaseFont"] for font in fonts)
    assert [entry.title for entry in reader.outline] == ["Afschrift", "Burgerbudget", "Vrij te besteden", "Controle"]


def test_the_same_block_gives_the_same_bytes(story: Story, today: Callable[[str], None]) -> None:
    before = story.paper(asOfBlock=1)
    story.move(date(2026, 9, 30), "top-up", FUND, BUDGET, 100)
    assert story.books.seal() == 1
    today("2027-01-15")
    # The paper may not tell the second in which it was made.
    second = int(time.time())
    while int(time.time()) == second:
        time.sleep(0.02)

    assert story.paper(asOfBlock=1) == before
    assert story.paper() != before
    assert story.json(asOfBlock=1)["asOfBlock"] == 1
    assert story.json()["asOfBlock"] == 2


def test_what_is_not_sealed_yet_is_not_on_it(story: Story) -> None:
    story.move(date(2026, 9, 30), "top-up", FUND, BUDGET, 100)

    assert story.json()["purses"][0]["closingBalance"] == 10_000
    story.books.seal()
    assert story.json()["purses"][0]["closingBalance"] == 10_100


def test_an_open_quarter_is_told_up_to_today_and_is_provisional(story: Story, today: Callable[[str], None]) -> None:
    today("2026-08-15")

    told = story.json()
    _, words = pages(story.paper())

    assert (told["provisional"], told["to"]) == (True, "2026-08-15")
    assert [purse["closingBalance"] for purse in told["purses"]] == [4_884, 5_116]
    assert "Voorlopig: dit kwartaal is nog niet voorbij (stand op 15 augustus 2026)." in words


def test_a_quarter_that_has_not_begun_shows_what_stands_there_now(story: Story, today: Callable[[str], None]) -> None:
    today("2026-08-15")

    told = story.json("2026-Q4")
    _, words = pages(story.paper("2026-Q4"))

    assert told["provisional"] is True
    figures = [(p["openingBalance"], p["entries"], p["closingBalance"]) for p in told["purses"]]
    assert figures == [(4_884, [], 4_884), (5_116, [], 5_116)]
    assert "Voorlopig: dit kwartaal is nog niet begonnen (stand op 15 augustus 2026)." in words


def test_the_last_day_of_a_quarter_is_still_provisional(story: Story, today: Callable[[str], None]) -> None:
    today("2026-09-30")
    assert story.json()["provisional"] is True
    today("2026-10-01")
    assert story.json()["provisional"] is False


def test_a_purse_of_lessons_counts_lessons(story: Story) -> None:
    with story.books._unguarded() as connection:
        connection.execute(
            "INSERT INTO ledger.purse (code, asset, scheme, floor) VALUES ('zwemmen', 'LESSON', 'dordtpas', 0)"
        )
        connection.execute("SELECT ledger.open_fund('zwemmen', 'Zwemles', 'LESSON', 'eva')")
        connection.execute("SELECT ledger.open_account('system:lessons', 'LESSON', 'system', NULL, NULL, 10)")
    story.move(date(2026, 7, 1), "deposit", "system:lessons", "fund:zwemmen", 2_000, asset="LESSON")
    story.move(date(2026, 7, 1), "start", "fund:zwemmen", SWIMMING, 1_040, asset="LESSON")
    story.move(date(2026, 7, 2), "capture", SWIMMING, "fund:zwemmen", 1, asset="LESSON")
    story.books.seal()

    _, words = pages(story.paper())

    swimming = words[words.index("Zwemmen Datum") : words.index("Controle Elke")]
    assert re.findall(r"[+-]?[\d.]+ les(?:sen)?", swimming) == [
        *("0 lessen", "+1.040 lessen", "1.040 lessen", "-1 les", "1.039 lessen", "1.039 lessen")
    ]
    assert "€" not in swimming


def test_a_long_statement_goes_on_on_the_next_page_with_its_header_on_each(story: Story) -> None:
    many = [Transfer(FUND, BUDGET, 1, reference=f"ref:{number}") for number in range(120)]
    with story.books.database.transaction() as db:
        back = [Transfer(BUDGET, FREE, 1_000)]
        post(db, kind="use", value_date=date(2026, 8, 1), actor="burgerbudget", transfers=back)
        post(db, kind="top-up", value_date=date(2026, 8, 1), actor="burgerbudget", transfers=many)
    story.books.seal()

    reader, words = pages(story.paper())

    assert len(reader.pages) > 3
    assert all("Tot en met blok 2, kop " in page.extract_text() for page in reader.pages)
    assert f"bladzijde {len(reader.pages)} van {len(reader.pages)}" in words
    assert words.count("ref:") == 120
    # 100.00 - 10.00 + 1.20.
    assert story.json()["purses"][0]["closingBalance"] == 9_120


def test_a_sign_that_the_font_lacks_does_not_break_the_paper(story: Story) -> None:
    story.books.tamper(f"UPDATE holders.holder SET display_name = 'Zoë \U0001f600 e\u0301' WHERE id = '{ZOE}'")

    _, words = pages(story.paper())

    assert "Zoë ? é" in words


def test_an_entry_that_was_changed_after_its_seal_stops_the_statement(story: Story) -> None:
    story.books.tamper("UPDATE ledger.entry SET reference = 'x' WHERE reference = 'use:1/2026-Q3'")

    answer = story.zoe.get(f"/holders/{ZOE}/statements/2026-Q3")

    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (409, "sealBroken")


@pytest.mark.parametrize(
    ("accept", "kind"),
    [
        ("application/json", "application/json"),
        ("application/json;q=0.9, text/plain", "application/json"),
        ("application/pdf", "application/pdf"),
        ("application/pdf, application/json", "application/pdf"),
        ("text/html,application/xhtml+xml,*/*;q=0.8", "application/pdf"),
    ],
)
def test_json_comes_when_it_is_asked_for_and_paper_otherwise(story: Story, accept: str, kind: str) -> None:
    answer = story.zoe.get(f"/holders/{ZOE}/statements/2026-Q3", headers={"Accept": accept})

    assert answer.headers["content-type"] == kind


@pytest.mark.parametrize(
    ("path", "status"),
    [
        (f"/holders/{OTHER}/statements/2026-Q3", 404),
        ("/holders/nobody/statements/2026-Q3", 404),
        (f"/holders/{ZOE}/statements/2026-Q5", 404),
        (f"/holders/{ZOE}/statements/third", 404),
        (f"/holders/{ZOE}/statements/2026-Q3?asOfBlock=99", 400),
        (f"/holders/{ZOE}/statements/2026-Q3?asOfBlock=x", 400),
    ],
)
def test_what_a_holder_cannot_get(story: Story, path: str, status: int) -> None:
    assert story.zoe.get(path).status_code == status


@pytest.mark.parametrize("role", sorted(Role))
def test_who_may(story: Story, role: Role) -> None:
    answer = story.client(role).get(f"/holders/{ZOE}/statements/2026-Q3")

    expected = {Role.CASEWORKER: 200, Role.AUDITOR: 200, Role.PASS_HOLDER: 404}
    assert answer.status_code == expected.get(role, 403)


def test_before_the_first_seal_a_statement_is_empty(story: Story) -> None:
    for table in ("block_journal", "block"):
        story.books.tamper(f"DELETE FROM ledger.{table}")

    told = story.json()
    _, words = pages(story.paper())

    assert (told["asOfBlock"], told["purses"]) == (None, [])
    assert "In deze periode staat er niets op uw potjes." in words
    assert "Er is nog niets verzegeld" in words
