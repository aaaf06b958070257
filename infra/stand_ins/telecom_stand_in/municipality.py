"""The municipality on the other side: its gateway over HTTP, signed in as a provider."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import httpx

from foundation.access import Role, TokenSigner
from foundation.identifiers import new_id
from foundation.refusals import Problem, Refusal
from telecom_stand_in.settings import TelecomSettings
from telecom_stand_in.store import Call

AUDIENCE = "stadsbeurs"
TOKEN_LIFETIME_S = 300
BASE = "/api/belkosten/v1"

Token = Callable[[], str]


class MunicipalityRefused(Refusal):
    """The municipality did not take it, or did not answer; what it said comes along."""

    status = 502
    code = "municipalityRefused"


def provider_token(settings: TelecomSettings) -> Token:
    """Give what signs us in: a token of the local stand-in identity provider."""
    signer = TokenSigner.from_file(settings.telecom_token_issuer, settings.telecom_token_key_file)

    def token() -> str:
        return signer.token(
            AUDIENCE,
            settings.telecom_organisation,
            {Role.PROVIDER},
            organisation_id=settings.telecom_organisation,
            lifetime_s=TOKEN_LIFETIME_S,
        )

    return token


class Municipality:
    """Asks and tells what a provider does."""

    def __init__(self, url: str, token: Token) -> None:
        self._token = token
        self._http = httpx.Client(base_url=f"{url}{BASE}", timeout=30)

    def authorise(self, call_id: str, participant_number: str, called_number: str) -> dict[str, Any]:
        """Ask whether a call may be made, and for how many seconds."""
        return self._post(
            "/call-authorisations",
            {"callId": call_id, "participantNumber": participant_number, "calledNumber": called_number},
        )

    def tell(self, calls: Sequence[Call]) -> str:
        """Send call records; gives the id of the batch."""
        items = [
            {
                "callId": call.call_id,
                "participantNumber": call.participant_number,
                "calledNumber": call.called_number,
                "startedAt": call.started_at.isoformat(),
                "seconds": call.seconds,
            }
            for call in calls
        ]
        return str(self._post("/call-records/batches?partial=true", {"items": items})["id"])

    def batch(self, batch_id: str) -> dict[str, Any]:
        """Ask what became of a batch."""
        return self._answer(self._http.get, f"/call-records/batches/{batch_id}", {})

    def _post(self, path: str, body: dict[str, Any]) -> dict[str, Any]:
        return self._answer(self._http.post, path, {"Idempotency-Key": str(new_id())}, json=body)

    def _answer(
        self, send: Callable[..., httpx.Response], path: str, headers: dict[str, str], **body: Any
    ) -> dict[str, Any]:
        try:
            answer = send(path, headers={"Authorization": f"Bearer {self._token()}", **headers}, **body)
        except httpx.TransportError as error:
            raise MunicipalityRefused("De gemeente antwoordt niet. Probeer het zo opnieuw.") from error
        if answer.is_success:
            content: dict[str, Any] = answer.json()
            return content
        raise MunicipalityRefused(
            f"De gemeente antwoordde met status {answer.status_code}.", errors=_errors_of(answer, path)
        )

    def close(self) -> None:
        self._http.close()


def _errors_of(answer: httpx.Response, path: str) -> list[Problem]:
    try:
        errors = answer.json()["errors"]
        return [Problem(path, str(one["code"]), str(one["message"])) for one in errors]
    except (ValueError, KeyError, TypeError):
        return [Problem(path, "municipalityRefused", f"status {answer.status_code}")]
