"""Registering who is paid; their IBAN is with the wallet, where two people stand for it."""

from __future__ import annotations

from sqlmodel import Session

from belkosten.models import Provider
from belkosten.queries import providers
from belkosten.refusals import ProviderThere
from foundation.clock import now


def refuse_known(db: Session, organisation: str) -> None:
    """Raise `ProviderThere` where the organisation is registered already."""
    if providers.find(db, organisation) is not None:
        raise ProviderThere(
            f"{organisation} staat al ingeschreven. Een andere rekening voert u in bij de wallet.",
            pointer="/organisation",
        )


def register(db: Session, provider: Provider) -> Provider:
    """Keep a provider whose account the wallet has. Raises `ProviderThere`."""
    refuse_known(db, provider.organisation)
    provider.registered_at = now()
    db.add(provider)
    db.flush()
    return provider
