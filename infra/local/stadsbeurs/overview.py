"""What `stadsbeurs status` shows: each process, and how far the work of each service is."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from stadsbeurs import business_date, house, orphans, probes
from stadsbeurs.installation import Installation
from stadsbeurs.mistakes import Mistake

OUTBOX = """
    SELECT count(*) FILTER (WHERE state <> 'dead'), count(*) FILTER (WHERE state = 'dead'),
           coalesce(extract(epoch FROM now() - min(created_at) FILTER (WHERE state <> 'dead')), 0)::float
    FROM outbox WHERE state IN ('pending', 'leased', 'dead')
"""
LAST_SEAL = "SELECT number, sealed_at FROM ledger.block ORDER BY number DESC LIMIT 1"


@dataclass(frozen=True)
class Row:
    """One process: its phase as the supervisor sees it, and whether it answers now."""

    name: str
    phase: str
    pid: int | None
    port: int | None
    restarts: int


@dataclass(frozen=True)
class Work:
    """One service: what waits in its outbox (`age_s` = its oldest), what is parked, and its last seal if it seals."""

    service: str
    waiting: int
    parked: int
    age_s: float
    seal: str | None


def rows(installation: Installation) -> list[Row]:
    """Each process of a house that runs; raises `Mistake` when it does not."""
    installation.require()
    state = installation.state()
    if installation.holder() is None:
        left = orphans.living(state)
        rest = f", but {', '.join(left)} still runs; `stadsbeurs up` or `down` ends that." if left else "."
        raise Mistake(f"Stadsbeurs does not run in {installation.root}{rest}")
    plan = installation.plan()
    return [_row(name, found, plan) for name, found in state.get("processes", {}).items()]


def _row(name: str, found: Mapping[str, Any], plan: Mapping[str, Any]) -> Row:
    port = found.get("port")
    phase = str(found.get("phase"))
    if phase in ("ready", "unready") and isinstance(port, int) and name not in ("postgres", "valkey"):
        phase = "ready" if probes.is_ready(probes.http_probe(port)) else "unready"
    return Row(name, phase, found.get("pid"), port, int(found.get("restarts", 0)))


def work(installation: Installation) -> list[Work]:
    """How far each service is, asked of its own database; a service whose database does not answer is left out."""
    import psycopg

    plan = house.Plan.of(installation.plan())
    found = []
    for service in house.SERVICES:
        try:
            with psycopg.connect(house.service_url(installation, plan, service), connect_timeout=3) as db:
                waiting, parked, age_s = db.execute(OUTBOX).fetchone() or (0, 0, 0.0)
                has_seals = db.execute("SELECT to_regclass('ledger.block') IS NOT NULL").fetchone()
                seal = db.execute(LAST_SEAL).fetchone() if has_seals and has_seals[0] else None
        except psycopg.Error:
            continue
        found.append(
            Work(service.name, waiting, parked, age_s, _seal_text(seal) if has_seals and has_seals[0] else None)
        )
    return found


def _seal_text(seal: tuple[int, datetime] | None) -> str:
    return f"block {seal[0]} at {seal[1].astimezone(UTC):%Y-%m-%dT%H:%M:%SZ}" if seal else "nothing sealed yet"


def text(installation: Installation) -> tuple[str, bool]:
    """The whole overview for a terminal, and whether every process is ready."""
    found = rows(installation)
    lines = [f"{'process':<28}{'state':<12}{'port':>6}{'pid':>9}{'restarts':>10}"]
    for row in found:
        lines.append(f"{row.name:<28}{row.phase:<12}{row.port or '':>6}{row.pid or '':>9}{row.restarts:>10}")
    lines += ["", f"{'service':<28}{'outbox waits':>12}{'oldest':>10}{'parked':>8}  last seal"]
    for entry in work(installation):
        lines.append(
            f"{entry.service:<28}{entry.waiting:>12}{f'{entry.age_s:.0f} s':>10}{entry.parked:>8}  {entry.seal or '-'}"
        )
    lines += ["", f"business date {business_date.read(installation.business_date_file)}"]
    return "\n".join(lines), all(row.phase in ("ready", "done") for row in found)
