"""What differs per environment."""

from __future__ import annotations

from pathlib import Path

from foundation.settings import ServiceSettings
from wallet.payouts.settings import PayoutSettings


class WalletSettings(ServiceSettings, PayoutSettings):
    """What the wallet needs beside what every service needs."""

    vault_keys_file: Path
    """The keys of the vault for BSN and IBAN."""
    seal_key_file: Path
    """The private key (JWK) with which blocks are signed; it is never in the database."""
    anchor_file: Path
    """Where the header of each block is written, outside the database."""
