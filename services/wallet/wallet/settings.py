"""What differs per environment."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from foundation.settings import HoldsFile, ServiceSettings
from wallet.audit.anchor import newest
from wallet.audit.exports.settings import ExportSettings
from wallet.audit.signing import seal_key
from wallet.holders.vault import Vault

NAME = "wallet"
"""What this service is called in tokens, addresses and queues."""


class WalletSettings(ServiceSettings, ExportSettings):
    """What the wallet needs beside what every service needs."""

    vault_keys_file: Annotated[Path, HoldsFile("the vault's keys for encryption and index (JSON)", Vault.from_file)]
    """The keys of the vault for BSN and IBAN."""
    seal_key_file: Annotated[Path, HoldsFile("a private Ed25519 key (JWK)", seal_key)]
    """The private key (JWK) with which blocks are signed; it is never in the database."""
    anchor_file: Annotated[Path, HoldsFile("the anchors of earlier blocks, a line each", newest, made_later=True)]
    """Where the header of each block is written, outside the database."""
