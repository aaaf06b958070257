"""Malformed input is explained in Dutch, with its place and what belongs there, and never repeated."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, time
from decimal import Decimal
from enum import StrEnum
from typing import Annotated, Any, Literal
from uuid import UUID

import pytest
from fastapi import Body, FastAPI, Query
from fastapi.testclient import TestClient
from pydantic import AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, StrictBool, StringConstraints

from foundation.application import answer_with_problems
from foundation.malformed import MOST_FAULTS
from foundation.schemas import Day


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


def _refuse(value: Any) -> Any:
    raise ValueError("dit staat er nooit goed")


class Inner(BaseModel):
    size: int


class Everything(BaseModel):
    model_config = ConfigDict(extra="forbid")

    amount: Annotated[int, Field(strict=True, ge=1, le=10)] | None = None
    share: Annotated[int, Field(gt=0, lt=9)] | None = None
    ratio: float | None = None
    price: Annotated[Decimal, Field(max_digits=4, decimal_places=2)] | None = None
    pack: Annotated[int, Field(multiple_of=5)] | None = None
    name: Annotated[str, StringConstraints(min_length=2, max_length=5, pattern="^[a-z]+$")] | None = None
    day: Day | None = None
    birth: date | None = None
    at: AwareDatetime | None = None
    opens: time | None = None
    id: UUID | None = None
    is_open: StrictBool | None = None
    colour: Colour | None = None
    way: Literal["up", "down"] | None = None
    rows: Annotated[list[Inner], Field(min_length=1, max_length=2)] | None = None
    labels: dict[str, str] | None = None
    never: Annotated[str, BeforeValidator(_refuse)] | None = None


@pytest.fixture
def client() -> Iterator[TestClient]:
    api = FastAPI()
    answer_with_problems(api)

    @api.post("/everything")
    async def post_everything(body: Everything) -> None: ...

    @api.post("/inner")
    async def post_inner(body: Annotated[Inner, Body()], limit: Annotated[int, Query(le=200)] = 1) -> None: ...

    with TestClient(api) as made:
        yield made


CASES: list[tuple[dict[str, Any], str, str]] = [
    ({"amount": 0}, "/amount", "Geef ten minste 1."),
    ({"amount": 11}, "/amount", "Geef ten hoogste 10."),
    ({"amount": "7"}, "/amount", "Geef een geheel getal: zonder aanhalingstekens, komma of punt."),
    ({"amount": 1.5}, "/amount", "Geef een geheel getal: zonder aanhalingstekens, komma of punt."),
    ({"amount": True}, "/amount", "Geef een geheel getal: zonder aanhalingstekens, komma of punt."),
    ({"share": 0}, "/share", "Geef meer dan 0."),
    ({"share": 9}, "/share", "Geef minder dan 9."),
    ({"ratio": "veel"}, "/ratio", "Geef een getal, met een punt voor de decimalen."),
    ({"price": "veel"}, "/price", "Geef een getal, met een punt voor de decimalen."),
    ({"price": "1.234"}, "/price", "Geef een getal met ten hoogste 2 cijfer(s) achter de punt."),
    ({"price": "12345"}, "/price", "Geef een getal van ten hoogste 4 cijfers."),
    ({"price": "123"}, "/price", "Geef een getal met ten hoogste 2 cijfer(s) voor de punt."),
    ({"pack": 7}, "/pack", "Geef een veelvoud van 5."),
    ({"pack": "x"}, "/pack", "Geef een geheel getal: zonder aanhalingstekens, komma of punt."),
    ({"name": 7}, "/name", "Geef tekst."),
    ({"name": "a"}, "/name", "Geef tekst van ten minste 2 teken(s)."),
    ({"name": "aaaaaa"}, "/name", "Geef tekst van ten hoogste 5 teken(s)."),
    ({"name": "AAA"}, "/name", "Dit heeft niet de vorm die hier hoort: ^[a-z]+$."),
    ({"day": "1 oktober"}, "/day", "Schrijf een datum als 2026-10-01."),
    ({"day": "2026-13-01"}, "/day", "Geef een datum als 2026-10-01."),
    ({"birth": []}, "/birth", "Geef een datum als 2026-10-01."),
    ({"at": "2026-10-01T09:30:00"}, "/at", "Geef een tijdstip met tijdzone, als 2026-10-01T09:30:00Z."),
    ({"at": "gisteren"}, "/at", "Geef een tijdstip met tijdzone, als 2026-10-01T09:30:00Z."),
    ({"opens": "25:00"}, "/opens", "Geef een tijd als 09:30."),
    ({"id": "7"}, "/id", "Geef een kenmerk (UUID) zoals het van ons kwam."),
    ({"is_open": "ja"}, "/is_open", "Geef true of false."),
    ({"colour": "green"}, "/colour", "Kies uit 'red' of 'blue'."),
    ({"way": "left"}, "/way", "Kies uit 'up' of 'down'."),
    ({"rows": {}}, "/rows", "Geef een lijst: [ … ]."),
    ({"rows": []}, "/rows", "Geef er ten minste 1; dit zijn er 0."),
    ({"rows": [{"size": 1}] * 3}, "/rows", "Geef er ten hoogste 2; dit zijn er 3."),
    ({"rows": [{"size": 1}, {}]}, "/rows/1/size", "Dit ontbreekt. Vul het in."),
    ({"rows": [7]}, "/rows/0", "Geef een object: { … }."),
    ({"labels": 7}, "/labels", "Geef een object: { … }."),
    ({"never": "x"}, "/never", "Dit staat er nooit goed."),
    ({"hoeveel": 1}, "/hoeveel", "Dit veld is hier niet bekend. Laat het weg, of verbeter de naam."),
]


@pytest.mark.parametrize(("body", "pointer", "message"), CASES)
def test_a_fault_says_where_it_is_and_what_belongs_there(
    client: TestClient, body: dict[str, Any], pointer: str, message: str
) -> None:
    answer = client.post("/everything", json=body)
    code = "missing" if message.startswith("Dit ontbreekt") else "malformed"
    assert answer.status_code == 400
    assert answer.json()["errors"] == [{"pointer": pointer, "code": code, "message": message}]
    assert answer.json()["detail"] == f"De aanvraag is niet goed opgebouwd bij: {pointer}. {message}"


def test_what_we_have_no_words_for_is_told_in_no_other_language(client: TestClient) -> None:
    answer = client.post("/everything", json={"labels": {"a": {"geheim": 1}}, "opens": "09:30:00.0000001234"})
    assert {fault["pointer"] for fault in answer.json()["errors"]} >= {"/labels/a"}
    assert "Input" not in answer.text and "geheim" not in answer.text


def test_several_faults_are_named_by_their_places(client: TestClient) -> None:
    answer = client.post("/everything", json={f"veld{number}": 1 for number in range(7)}).json()
    places = ", ".join(f"/veld{number}" for number in range(5))
    assert answer["detail"] == f"De aanvraag is niet goed opgebouwd bij: {places} en op nog 2 plaatsen."
    assert len(answer["errors"]) == 7


def test_of_very_many_faults_the_first_hundred_are_told(client: TestClient) -> None:
    answer = client.post("/everything", json={f"veld{number}": 1 for number in range(MOST_FAULTS + 50)}).json()
    assert len(answer["errors"]) == MOST_FAULTS == 100


def test_a_fault_outside_the_body_is_named_by_its_side(client: TestClient) -> None:
    answer = client.post("/inner?limit=201", json={"size": 1}).json()
    assert answer["errors"] == [{"pointer": "query/limit", "code": "malformed", "message": "Geef ten hoogste 200."}]


NO_JSON = "De inhoud is geen geldige JSON; lees haar na."
UNREADABLE = "De inhoud van de aanvraag is niet te lezen. Kijk of zij volledig is en de juiste vorm heeft."


@pytest.mark.parametrize(
    ("content", "detail"),
    [
        (b"{nope", NO_JSON),
        (b'{"size": 1', NO_JSON),
        (b"geen json", NO_JSON),
        (b"\xff\xfe\xfd", UNREADABLE),
        (b"[" * 100_000, UNREADABLE),
    ],
)
def test_what_is_no_json_is_called_that_and_points_nowhere(client: TestClient, content: bytes, detail: str) -> None:
    answer = client.post("/inner", content=content, headers={"Content-Type": "application/json"})
    assert answer.status_code == 400
    assert answer.json()["detail"] == detail
    assert [fault["pointer"] for fault in answer.json()["errors"]] == [""]


def test_an_empty_body_is_missing(client: TestClient) -> None:
    answer = client.post("/inner")
    assert answer.json()["errors"] == [{"pointer": "", "code": "missing", "message": "Dit ontbreekt. Vul het in."}]
