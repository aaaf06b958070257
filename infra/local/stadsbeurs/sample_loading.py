"""`python -m stadsbeurs.sample_loading DIR`: load the sample municipality once, as the last step of a first start."""

from __future__ import annotations

import sys
from pathlib import Path

from stadsbeurs import sample
from stadsbeurs.accounts import write_private
from stadsbeurs.business_date import read
from stadsbeurs.house import Plan
from stadsbeurs.installation import Installation
from stadsbeurs.mistakes import Mistake


def main() -> int:
    installation = Installation(Path(sys.argv[1]))
    plan = Plan.of(installation.plan())
    try:
        sample.load(installation, f"http://127.0.0.1:{plan.gateway_port}")
    except Mistake as mistake:
        print(mistake, file=sys.stderr)
        return 1
    write_private(installation.sample_marker, f"{read(installation.business_date_file)}\n")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
