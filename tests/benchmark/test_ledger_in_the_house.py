"""The ledger in the running house: one by one, and beside a batch that is being posted."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import psycopg
import pytest

from stadsbeurs import house as house_table
from stadsbeurs.binaries import find_postgres
from tests.benchmark.batches import Bulk, sealed, service_token, wallet_port
from tests.benchmark.books import FUND, MILLION, open_books, post_all
from tests.benchmark.report import Report, Row
from tests.support.house import House, wait_until

pytestmark = pytest.mark.benchmark

IN_HOUSE = "The ledger in the running house"


def ask(house: House, pairs: Sequence[tuple[str, str]], clients: int, seconds: float) -> dict[str, Any]:
    """Have clients post transfers between these pairs, each as fast as it is answered."""
    plan = {
        "port": wallet_port(house),
        "token": service_token(house),
        "clients": clients,
        "seconds": seconds,
        "pairs": list(pairs),
    }
    command = [sys.executable, "-m", "tests.benchmark.askers"]
    done = subprocess.run(command, input=json.dumps(plan), capture_output=True, text=True, check=True)
    found: dict[str, Any] = json.loads(done.stdout)
    assert found["failed"] == 0, found["firstFailure"]
    return found


class Pgbench:
    """PostgreSQL's own load program on the posting function, with the service's role."""

    def __init__(self, house: House, folder: Path, pairs: Sequence[tuple[str, str]]) -> None:
        plan = house_table.Plan.of(house.installation.plan())
        wallet = next(one for one in house_table.SERVICES if one.name == "wallet")
        self._url = house_table.service_url(house.installation, plan, wallet).replace("+psycopg", "")
        self._folder = folder
        with psycopg.connect(house.owner_url("wallet"), autocommit=True) as db:
            db.execute(
                "CREATE TABLE IF NOT EXISTS ledger.benchmark_pair (i int PRIMARY KEY, source text, destination text)"
            )
            db.execute("TRUNCATE ledger.benchmark_pair")
            with db.cursor() as cursor, cursor.copy("COPY ledger.benchmark_pair FROM STDIN") as copy:
                for number, (source, destination) in enumerate(pairs):
                    copy.write_row((number, source, destination))
            db.execute("GRANT SELECT ON ledger.benchmark_pair TO wallet_service")
            db.execute("ANALYZE ledger.benchmark_pair")
        (folder / "post.sql").write_text(
            f"\\set i random(0, {len(pairs) - 1})\n"
            "SELECT ledger.post('use', '2026-10-01', 'benchmark', NULL, NULL, NULL, NULL, NULL, ARRAY[p.source],"
            " ARRAY[p.destination], '{1}', '{EUR}', NULL, NULL, NULL, NULL)"
            " FROM ledger.benchmark_pair p WHERE p.i = :i;\n"
        )

    def start(self, clients: int, seconds: int) -> subprocess.Popen[str]:
        for log in self._folder.glob("latency.*"):
            log.unlink()
        program = find_postgres(None).folder / "pgbench"
        options = ["-n", "-M", "prepared", "-c", str(clients), "-j", "1", "-T", str(seconds)]
        logging = ["-l", f"--log-prefix={self._folder / 'latency'}"]
        command = [str(program), *options, *logging, "-f", str(self._folder / "post.sql"), self._url]
        return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True)

    def finish(self, running: subprocess.Popen[str]) -> tuple[float, float]:
        """Give the transfers a second and the 99th percentile of their milliseconds."""
        said = running.communicate()[0]
        assert running.returncode == 0, said
        rate = next(float(line.split()[2]) for line in said.splitlines() if line.startswith("tps"))
        micros = sorted(
            int(line.split()[2]) for log in self._folder.glob("latency.*") for line in log.read_text().splitlines()
        )
        return rate, micros[int(len(micros) * 0.99)] / 1000

    def run(self, clients: int, seconds: int) -> tuple[float, float]:
        return self.finish(self.start(clients, seconds))


@pytest.mark.timeout(3000)
def test_the_ledger_in_the_running_house(house: House, tmp_path: Path, report: Report) -> None:
    report.chapter(
        IN_HOUSE,
        "All processes of the house run, the sealer too; a million purses hold a start amount. Single transfers: clients on"
        " the same two cores post one transfer a request with an idempotency key, over HTTP to the wallet; the floor is"
        " `ledger.post` under pgbench with as many clients, without idempotency. Beside a batch: the same pgbench, while a"
        " transfer batch of a million lines is posted and sealed.",
    )
    purses = open_books(house.owner_url("wallet"), MILLION)
    with psycopg.connect(house.owner_url("wallet")) as db:
        report.measured_on(str(db.info.server_version // 10_000))
        post_all(db, purses, "start")
    wait_until(lambda: sealed(house), "seals under the start amounts", within_s=600, every_s=0.5)

    hot = [(FUND, purse) for purse in purses[:50_000]]
    spread = list(zip(purses[:50_000], purses[50_000:100_000], strict=True))
    for name, pairs, least in (("one hot fund", hot, "≥ 0.50"), ("spread", spread, "≥ 0.30")):
        pgbench = Pgbench(house, tmp_path, pairs)
        floor_rate, _ = pgbench.run(16, 10)
        found = ask(house, pairs, 16, 10)
        report.add(
            IN_HOUSE,
            Row(
                f"single transfers over HTTP, 16 clients, {name}",
                f"{found['perSecond']:,.0f}/s, p50 {found['p50Ms']:.0f} ms, p99 {found['p99Ms']:.0f} ms",
                f"{floor_rate:,.0f}/s",
                f"{found['perSecond'] / floor_rate:.2f}",
                least,
            ),
        )

    pgbench = Pgbench(house, tmp_path, spread)
    alone_rate, alone_p99 = pgbench.run(4, 15)
    beside = Bulk(house, purses, "beside")
    beside.load()
    beside.wait_for("checked")
    beside.submit()
    wait_until(lambda: beside.found()["state"] == "posting", "the posting to begin", every_s=0.02)
    rate, p99 = pgbench.run(4, 15)
    assert beside.found()["state"] == "posting", "the batch ended before the spenders did"
    report.add(
        IN_HOUSE,
        Row(
            "spending while a million is being posted, 4 clients",
            f"{rate:,.0f}/s, p99 {p99:.0f} ms",
            f"alone: {alone_rate:,.0f}/s, p99 {alone_p99:.0f} ms",
            f"{rate / alone_rate:.2f}",
            "≥ 0.50, p99 ≤ 100 ms",
        ),
    )
    beside.wait_for("posted")
