"""The stand-in's hosted pages, without a server: what time does to them."""

from __future__ import annotations

from pathlib import Path
from urllib.parse import parse_qsl

import pytest

from stripe_stand_in import checkout
from stripe_stand_in.forms import Form, tree
from stripe_stand_in.payments import Till
from stripe_stand_in.refusals import StripeRefusal
from stripe_stand_in.store import Change, Store

NOON = 1_790_855_990
ASKED = (
    "mode=payment&allowed_payment_method_types[0]=ideal&success_url=http://house.test/"
    "&line_items[0][quantity]=2&line_items[0][price_data][currency]=eur"
    "&line_items[0][price_data][unit_amount]=2500&line_items[0][price_data][product_data][name]=Betaling"
)


@pytest.fixture
def store(tmp_path: Path) -> Store:
    return Store(tmp_path / "stripe.sqlite")


def opened(change: Change) -> str:
    made = checkout.open_session(Till(change, NOON), Form(tree(parse_qsl(ASKED))), "http://pay.test")
    assert made["amount_total"] == 5000
    return str(made["id"])


def pass_time(change: Change, seconds: int) -> None:
    for thing_id in change.take_due(NOON + seconds):
        checkout.end_by_itself(Till(change, NOON + seconds), thing_id)


def test_a_page_that_nobody_uses_is_open_for_a_day_and_then_tells_that_it_expired(store: Store) -> None:
    with store.change() as change:
        session = opened(change)
        pass_time(change, 24 * 3600 - 1)
        assert change.get("checkout.session", session)["status"] == "open"  # type: ignore[index]
        pass_time(change, 24 * 3600)
        assert change.get("checkout.session", session)["status"] == "expired"  # type: ignore[index]
        assert [event["type"] for event in change.all("event")] == ["checkout.session.expired"]
        with pytest.raises(StripeRefusal, match="status expired"):
            checkout.pay(Till(change, NOON + 24 * 3600), session, "ideal", None)


def test_a_page_that_was_used_does_not_expire(store: Store) -> None:
    with store.change() as change:
        session = opened(change)
        checkout.pay(Till(change, NOON + 60), session, "ideal", None)
        pass_time(change, 24 * 3600)
        assert change.get("checkout.session", session)["status"] == "complete"  # type: ignore[index]


def test_what_fails_half_way_leaves_nothing(store: Store) -> None:
    with pytest.raises(ZeroDivisionError), store.change() as change:
        opened(change)
        _ = 1 // 0
    with store.change() as change:
        assert list(change.all("checkout.session")) == []
        assert change.take_due(NOON + 10**6) == []
