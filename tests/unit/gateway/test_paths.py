"""Which raw paths lead to a service, whatever is in them."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foundation.refusals import NotFound
from gateway.forwarding import LONG_CALLS, Target, public_route, target_of

SERVICES = frozenset({"wallet", "burgerbudget"})
PLAIN = re.compile(r"/api/(wallet|burgerbudget)/v1(/[^/\\;\x00-\x1f\x7f]+)+")


def test_a_plain_path_leads_to_its_service() -> None:
    assert target_of(b"/api/wallet/v1/accounts/holder:7:vrij", SERVICES) == Target(
        "wallet", "accounts/holder:7:vrij", "/api/wallet/v1/accounts/holder:7:vrij"
    )


@given(st.binary(max_size=60))
def test_whatever_the_bytes_are_they_lead_to_a_plain_path_or_nowhere(tail: bytes) -> None:
    try:
        target = target_of(b"/api/wallet/v1/" + tail, SERVICES)
    except NotFound:
        return
    assert PLAIN.fullmatch(target.address)
    assert not {".", "..", ""} & set(target.path.split("/"))


@given(st.lists(st.text(st.sampled_from("./%2eE5cfF;\\ab\0"), max_size=8), max_size=6))
def test_no_mixture_of_dots_slashes_and_percents_gets_out_of_the_service(pieces: list[str]) -> None:
    try:
        target = target_of(("/api/wallet/v1/" + "/".join(pieces)).encode(), SERVICES)
    except NotFound:
        return
    assert PLAIN.fullmatch(target.address)
    assert target.service == "wallet"
    assert ".." not in target.path.split("/")


@given(st.text(st.characters(codec="utf-8"), min_size=1, max_size=30))
def test_what_is_forwarded_reads_back_as_what_was_asked(name: str) -> None:
    from urllib.parse import quote

    asked = b"/api/wallet/v1/funds/" + quote(name, safe="").encode()
    try:
        target = target_of(asked, SERVICES)
    except NotFound:
        return
    assert target.path == f"funds/{name}"
    assert target_of(target.address.encode(), SERVICES) == target


def test_only_the_description_needs_no_token() -> None:
    description = target_of(b"/api/wallet/v1/openapi.json", SERVICES)
    assert public_route("GET", description) is not None
    assert public_route("POST", description) is None
    assert public_route("GET", target_of(b"/api/wallet/v1/openapi.json/x", SERVICES)) is None
    assert public_route("GET", target_of(b"/api/wallet/v1/x/openapi.json", SERVICES)) is None


@pytest.mark.parametrize(
    ("path", "long"),
    [
        ("hours/batches", True),
        ("bank-messages", True),
        ("exports/xaf", True),
        ("exports/xaf/manifest", True),
        ("payout-batches/7/submissions", True),
        ("trial-balance", True),
        ("periods/2026-09/closings/7/confirmations", True),
        ("periods/2026-09/closings", False),
        ("transfers/7/confirmations", False),
        ("hours", False),
        ("payout-batches", False),
        ("hours/batches/7", False),
        ("trial-balances", False),
        ("manifest", False),
    ],
)
def test_long_calls_are_known_by_their_last_part(path: str, long: bool) -> None:
    assert bool(LONG_CALLS.search(path)) is long
