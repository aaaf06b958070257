"""The stand-in of a telephone provider: how it signs itself in, what it keeps, and where it refuses to run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from fastapi import FastAPI, Request

from foundation.access import TokenVerifier, read_key
from foundation.settings import load
from stadsbeurs import keys, tokens
from telecom_stand_in.app import create_stand_in
from telecom_stand_in.municipality import provider_token
from telecom_stand_in.settings import TelecomSettings
from tests.integration.gateway.running import Running
from tests.support.callers import Client


class Recorder:
    """A municipality that allows a minute to everybody and writes down what it was told."""

    def __init__(self) -> None:
        self.authorised: list[dict[str, Any]] = []
        self.batches: list[list[dict[str, Any]]] = []
        self.keys: list[str] = []
        self.is_down = False
        api = FastAPI()

        @api.post("/api/belkosten/v1/call-authorisations")
        async def authorise(request: Request) -> dict[str, Any]:
            self.authorised.append(await request.json())
            if self.authorised[-1]["participantNumber"] == "500001":
                return {"allowed": True, "maxSeconds": 60}
            return {"allowed": False, "maxSeconds": 0, "reason": "notRegistered"}

        @api.post("/api/belkosten/v1/call-records/batches", status_code=202)
        async def take(request: Request) -> Any:
            self.keys.append(request.headers["Idempotency-Key"])
            self.batches.append((await request.json())["items"])
            return {"id": f"batch-{len(self.batches)}"}

        self.server = Running(api)

    def sent(self) -> list[list[str]]:
        return [[item["callId"] for item in batch] for batch in self.batches]


@pytest.fixture
def municipality() -> Iterator[Recorder]:
    made = Recorder()
    yield made
    made.server.stop()


@pytest.fixture
def settings(tmp_path: Path, municipality: Recorder) -> TelecomSettings:
    keys.ensure(tmp_path / "keys", ["gateway"])
    return TelecomSettings(
        environment="local",
        telecom_stand_in_file=tmp_path / "telecom.sqlite",
        telecom_gateway_url=municipality.server.url,
        telecom_token_key_file=keys.signing_key_file(tmp_path / "keys", keys.STAND_IN_ISSUER),
    )


def stand_in(settings: TelecomSettings) -> Client:
    return Client(create_stand_in(settings, provider_token(settings)), raise_server_exceptions=False)


def make_call(client: Client, participant: str = "500001", seconds: int = 45, **more: Any) -> dict[str, Any]:
    body = {"participantNumber": participant, "calledNumber": "+31781112233", "seconds": seconds, **more}
    answer = client.post("/calls", json=body)
    assert answer.status_code == 201, answer.text
    made: dict[str, Any] = answer.json()
    return made


def test_it_signs_itself_in_as_a_provider_of_the_local_identity_provider_does(
    settings: TelecomSettings, tmp_path: Path
) -> None:
    key = read_key(settings.telecom_token_key_file)
    verifier = TokenVerifier("stadsbeurs", {keys.STAND_IN_ISSUER: key})
    ours = verifier.claims(provider_token(settings)())
    organisation = settings.telecom_organisation
    theirs = verifier.claims(tokens.sign_in(tmp_path / "keys", "provider", organisation, None, organisation))
    differs = {"iat", "exp", "jti"}
    assert {name: ours[name] for name in ours.keys() - differs} == {
        name: theirs[name] for name in theirs.keys() - differs
    }


def test_a_call_lasts_as_long_as_it_may_and_a_refused_one_is_made_only_anyway(
    settings: TelecomSettings, municipality: Recorder
) -> None:
    client = stand_in(settings)
    assert [make_call(client, seconds=seconds)["seconds"] for seconds in (45, 90)] == [45, 60]
    refused = make_call(client, "500002")
    assert (refused["made"], refused["reason"]) == (False, "notRegistered")
    assert make_call(client, "500002", anyway=True)["made"]
    kept = client.get("/calls").json()["items"]
    assert [(one["seconds"], one["verdict"]) for one in kept] == [
        (45, "allowed"),
        (60, "allowed"),
        (45, "notRegistered"),
    ]
    assert "+3178" not in client.get("/calls").text
    assert municipality.authorised[0]["calledNumber"] == "+31781112233"


def test_records_go_out_once_late_twice_or_never_and_a_restart_goes_on(
    settings: TelecomSettings, municipality: Recorder
) -> None:
    client = stand_in(settings)
    first, second, third, fourth = (make_call(client)["callId"] for _ in range(4))
    sent = client.post("/record-batches", json={"never": 1, "late": 1, "twice": 1}).json()
    assert sent == {
        "batchId": "batch-1",
        "sent": [third, fourth],
        "twice": [third],
        "late": [second],
        "never": [first],
    }
    assert stand_in(settings).post("/record-batches", json={}).json()["sent"] == [second]
    assert client.post("/record-batches", json={}).json()["batchId"] is None
    assert municipality.sent() == [[third, fourth, third], [second]]
    assert len(set(municipality.keys)) == 2


def test_records_that_the_municipality_did_not_take_wait_for_the_next_time(
    settings: TelecomSettings, municipality: Recorder
) -> None:
    client = stand_in(settings)
    call = make_call(client)["callId"]
    municipality.server.stop()
    answer = client.post("/record-batches", json={})
    assert (answer.status_code, answer.json()["errors"][0]["code"]) == (502, "municipalityRefused")
    assert [(one["callId"], one["record"]) for one in client.get("/calls").json()["items"]] == [(call, "waiting")]


def test_a_bill_holds_the_calls_of_its_month_in_the_netherlands(settings: TelecomSettings) -> None:
    client = stand_in(settings)
    make_call(client, startedAt="2026-09-30T23:59:59+02:00")
    october = make_call(client, startedAt="2026-09-30T22:00:00Z")["callId"]
    answer = client.get("/invoices/2026-10")
    assert answer.headers["Content-Type"].startswith("text/csv")
    assert answer.text.splitlines()[1:] == [f"{october};500001;2026-09-30T22:00:00Z;45;17"]
    assert client.get("/invoices/2026-10/faults").json() == {
        "month": "2026-10",
        "lines": 1,
        "owed": 0,
        "faults": [{"row": 2, "callId": october, "code": "notInOurRecords", "amount": 17}],
    }
    assert client.get("/invoices/oktober").status_code == 400
    assert client.get("/readyz").json()["status"] == "ready"


def test_production_refuses_it_with_one_sentence(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("STADSBEURS_ENVIRONMENT", "production")
    with pytest.raises(SystemExit) as ended:
        load(TelecomSettings)
    assert ended.value.code == 2
    [sentence] = capsys.readouterr().err.splitlines()
    assert "STADSBEURS_ENVIRONMENT is production" in sentence


def test_it_answers_over_a_real_connection(settings: TelecomSettings) -> None:
    running = Running(create_stand_in(settings, provider_token(settings)))
    try:
        assert httpx.get(f"{running.url}/healthz").json() == {"status": "alive"}
    finally:
        running.stop()
