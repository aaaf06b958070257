"""Running the wallet's own checks of its books: they take over this process, so its output and exit status are theirs."""

from __future__ import annotations

import os
import sys
from collections.abc import Sequence
from typing import NoReturn

from stadsbeurs import house
from stadsbeurs.installation import Installation
from stadsbeurs.mistakes import Mistake

VERIFY = "wallet.audit.verify"
PROVE = "wallet.audit.prove"


def run(installation: Installation, module: str, arguments: Sequence[str]) -> NoReturn:
    """Become a module of the wallet, on the books of this installation; raises `Mistake` where it does not run."""
    installation.require()
    if installation.holder() is None:
        raise Mistake(f"Stadsbeurs does not run in {installation.root}; start it with `stadsbeurs up`.")
    wallet = next(service for service in house.SERVICES if service.name == "wallet")
    plan = house.Plan.of(installation.plan())
    environment = house.service_environment(installation, plan, wallet)
    # Not as the service: whoever checks the books has no right to write in them.
    environment[house.DATABASE_SETTING] = house.auditor_url(installation, plan, wallet)
    environment.pop("STADSBEURS_SUPERVISED")  # it belongs to this terminal, not to the house
    argv = [sys.executable, "-P", "-m", module, *arguments]
    sys.stdout.flush()
    os.execve(argv[0], argv, environment)  # noqa: S606 - its output and its exit status are ours
