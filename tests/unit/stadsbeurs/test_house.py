from __future__ import annotations

import sys
from pathlib import Path

import pytest

from foundation import migrate
from stadsbeurs import house, keys
from stadsbeurs.installation import Installation
from stadsbeurs.processes import Process

PLAN = house.Plan(
    gateway_port=8000,
    ports={name: 20000 + number for number, name in enumerate(house.port_names())},
    admin_url="postgresql://postgres:secret@127.0.0.1:20000/postgres?sslmode=disable",
    redis_url="redis://:pass@127.0.0.1:20001/0",
)


@pytest.fixture
def installation(tmp_path: Path) -> Installation:
    found = Installation(tmp_path)
    found.make()
    keys.ensure(found.keys, house.issuers())
    return found


def server(name: str) -> Process:
    return Process(name, ("true",), {})


def table(installation: Installation, *servers: str) -> dict[str, Process]:
    return {row.name: row for row in house.table(installation, PLAN, [server(name) for name in servers])}


STAND_INS = ["stripe-stand-in", "telecom-stand-in"]


def rows_of(service: house.Service) -> list[str]:
    return [f"{service.name}-api", *(worker.name for worker in service.workers)]


def test_the_house_has_these_processes_in_this_order(installation: Installation) -> None:
    assert list(table(installation, "postgres", "valkey")) == [
        *("postgres", "valkey", "databases", "migrations"),
        *("wallet-api", "wallet-worker", "wallet-sealer"),
        *(name for scheme in house.SERVICES[1:] for name in rows_of(scheme)),
        *STAND_INS,
        "gateway",
    ]


def test_services_wait_for_their_migrations_and_these_for_the_databases(installation: Installation) -> None:
    rows = table(installation, "postgres", "valkey")
    expected: dict[str, tuple[str, ...]] = {"databases": ("postgres",), "migrations": ("databases",)}
    for service in house.SERVICES:
        api, *workers = rows_of(service)
        expected |= {api: ("migrations",)} | dict.fromkeys(workers, ("migrations", "valkey"))
    expected["gateway"] = ("valkey",)
    assert {name: row.needs for name, row in rows.items() if row.needs} == expected


def test_the_gateway_starts_with_the_services_but_is_not_blamed_when_they_are_away(installation: Installation) -> None:
    assert table(installation)["gateway"].leans_on == tuple(f"{service.name}-api" for service in house.SERVICES)


def test_with_servers_elsewhere_nothing_waits_for_ours(installation: Installation) -> None:
    rows = table(installation)
    assert rows["databases"].needs == ()
    assert rows["wallet-worker"].needs == ("migrations",)
    assert rows["gateway"].needs == ()


def test_only_a_server_of_our_own_is_closed_to_everybody_else(installation: Installation) -> None:
    packages = [service.package for service in house.SERVICES]
    assert packages[:3] == ["wallet", "burgerbudget", "sociaal_krediet"]
    asked = ("-P", "-m", "stadsbeurs.provision", str(installation.keys), *packages)
    assert table(installation, "postgres")["databases"].argv[1:] == (*asked, "--own-server")
    assert table(installation)["databases"].argv[1:] == asked


def test_whoever_verifies_the_wallet_has_a_role_and_a_password_of_its_own(installation: Installation) -> None:
    url = house.auditor_url(installation, PLAN, house.SERVICES[0])
    password = (installation.keys / "database" / "wallet_auditor").read_text().strip()
    assert url == f"postgresql://wallet_auditor:{password}@127.0.0.1:20000/stadsbeurs_wallet?sslmode=disable"


def test_a_worker_is_told_its_queues_and_one_per_service_ticks(installation: Installation) -> None:
    rows = table(installation)
    assert rows["wallet-worker"].argv[1:] == (
        *("-P", "-m", "foundation.work", "wallet.tasks:worker"),
        *("--queues", "wallet.jobs", "--port", "20003", "--beat"),
    )
    assert rows["burgerbudget-outbox"].argv[5:7] == ("--queues", "burgerbudget.outbox")
    ticking = [name for name, row in rows.items() if "--beat" in row.argv]
    assert ticking[:2] == ["wallet-worker", "burgerbudget-jobs"]
    assert ticking == [next(one.name for one in service.workers if one.beat) for service in house.SERVICES]


def test_each_process_gets_its_own_database_and_role_and_the_options_of_the_server(
    installation: Installation,
) -> None:
    rows = table(installation)
    password = (installation.keys / "database" / "wallet_service").read_text().strip()
    owner_password = (installation.keys / "database" / "wallet_owner").read_text().strip()
    assert rows["wallet-api"].environment["STADSBEURS_DATABASE_URL"] == (
        f"postgresql://wallet_service:{password}@127.0.0.1:20000/stadsbeurs_wallet?sslmode=disable"
    )
    assert rows["migrations"].environment[migrate.url_setting("wallet")] == (
        f"postgresql://wallet_owner:{owner_password}@127.0.0.1:20000/stadsbeurs_wallet?sslmode=disable"
    )
    assert password != owner_password
    assert "STADSBEURS_DATABASE_URL" not in rows["gateway"].environment


def test_only_the_wallet_knows_the_vault_and_the_seal(installation: Installation) -> None:
    rows = table(installation)
    secret = {"STADSBEURS_VAULT_KEYS_FILE", "STADSBEURS_SEAL_KEY_FILE", "STADSBEURS_ANCHOR_FILE"}
    assert {name for name, row in rows.items() if secret & row.environment.keys()} == {
        "wallet-api",
        "wallet-worker",
        "wallet-sealer",
    }
    assert rows["wallet-api"].environment["STADSBEURS_VAULT_KEYS_FILE"] == str(keys.vault_keys_file(installation.keys))
    assert rows["wallet-api"].environment["STADSBEURS_SEAL_KEY_FILE"] == str(keys.seal_key_file(installation.keys))


def test_each_signs_with_its_own_key_and_only_the_gateway_knows_the_stand_in(
    installation: Installation,
) -> None:
    rows = table(installation)
    signing = {
        name: Path(row.environment["STADSBEURS_SIGNING_KEY_FILE"]).name
        for name, row in rows.items()
        if "STADSBEURS_SIGNING_KEY_FILE" in row.environment
    }
    own = {name: f"{service.name}.jwk" for service in house.SERVICES for name in rows_of(service)}
    assert own["wallet-sealer"] == "wallet.jwk"
    assert signing == own | {"gateway": "gateway.jwk"}
    stand_in = "STADSBEURS_STAND_IN_IDENTITY_KEY_FILE"
    assert [name for name, row in rows.items() if stand_in in row.environment] == ["gateway"]


def test_another_identity_provider_takes_the_place_of_the_stand_in(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STADSBEURS_OIDC_ISSUER", "https://login.example")
    gateway = table(installation)["gateway"].environment
    assert gateway["STADSBEURS_OIDC_ISSUER"] == "https://login.example"
    assert "STADSBEURS_STAND_IN_IDENTITY_KEY_FILE" not in gateway


def test_the_gateway_shows_its_figures_on_a_port_of_their_own(installation: Installation) -> None:
    environment = table(installation)["gateway"].environment
    assert environment["STADSBEURS_METRICS_PORT"] == str(PLAN.ports["gateway-metrics"])
    assert environment["STADSBEURS_METRICS_PORT"] not in ("8000", environment["STADSBEURS_WALLET_URL"][-5:])


def test_no_process_inherits_the_address_of_the_administrator_or_settings_of_libpq(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STADSBEURS_DATABASE_URL", "postgresql://admin@elsewhere/postgres")
    monkeypatch.setenv("PGOPTIONS", "-c search_path=elsewhere")
    for name, row in table(installation).items():
        assert "elsewhere" not in "".join(row.environment.values()), name
        assert (name == "databases") == (PLAN.admin_url in row.environment.values()), name


def test_every_process_can_reach_every_service_and_knows_the_date(installation: Installation) -> None:
    for name in ("wallet-api", "burgerbudget-jobs", "gateway"):
        environment = table(installation)[name].environment
        assert environment["STADSBEURS_WALLET_URL"] == "http://127.0.0.1:20002"
        assert environment["STADSBEURS_BURGERBUDGET_URL"] == "http://127.0.0.1:20005"
        assert environment["STADSBEURS_BUSINESS_DATE_FILE"] == str(installation.business_date_file)
        assert environment["STADSBEURS_ENVIRONMENT"] == "local"


def test_what_collects_and_the_stand_in_of_stripe_share_a_key_and_a_secret(installation: Installation) -> None:
    rows = table(installation)
    stand_in, api = rows["stripe-stand-in"].environment, rows["sociaal-krediet-api"].environment
    for setting in ("STADSBEURS_STRIPE_KEY", "STADSBEURS_STRIPE_WEBHOOK_SECRETS"):
        assert stand_in[setting] == api[setting] and len(api[setting]) > 40
        assert setting not in rows["wallet-api"].environment
    assert api["STADSBEURS_STRIPE_URL"] == stand_in["STADSBEURS_STRIPE_PUBLIC_URL"]
    events = "http://127.0.0.1:8000/api/sociaal-krediet/v1/stripe-events"
    assert stand_in["STADSBEURS_STRIPE_WEBHOOK_URL"] == events


def test_with_a_key_of_stripe_itself_no_stand_in_runs(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STADSBEURS_STRIPE_KEY", "sk_live_1")
    plan = house.Plan(8000, dict.fromkeys(house.port_names(), 21000), PLAN.admin_url, PLAN.redis_url)
    rows = {row.name: row for row in house.table(installation, plan)}
    assert "stripe-stand-in" not in rows
    assert rows["sociaal-krediet-api"].environment["STADSBEURS_STRIPE_KEY"] == "sk_live_1"
    assert "STADSBEURS_STRIPE_URL" not in rows["sociaal-krediet-api"].environment


def test_the_stand_in_of_a_provider_signs_itself_in_and_comes_through_the_gateway(installation: Installation) -> None:
    row = table(installation)["telecom-stand-in"]
    assert row.argv[4:] == ("telecom_stand_in.app:api", "--port", str(PLAN.ports["telecom-stand-in"]))
    environment = row.environment
    assert environment["STADSBEURS_TELECOM_GATEWAY_URL"] == "http://127.0.0.1:8000"
    key = keys.signing_key_file(installation.keys, keys.STAND_IN_ISSUER)
    assert environment["STADSBEURS_TELECOM_TOKEN_KEY_FILE"] == str(key)
    assert environment["STADSBEURS_BUSINESS_DATE_FILE"] == str(installation.business_date_file)


def test_a_new_service_is_one_entry(installation: Installation) -> None:
    services = (
        *house.SERVICES,
        house.Service("cash-pilots", (house.Worker("pilot-jobs", ("pilots.jobs",), True),)),
    )
    plan = house.Plan(
        8000, {n: 21000 + i for i, n in enumerate(house.port_names(services))}, PLAN.admin_url, "redis://x"
    )
    rows = {row.name: row for row in house.table(installation, plan, services=services)}
    api = rows["cash-pilots-api"]
    assert api.argv == (
        *(sys.executable, "-P", "-m", "foundation.serve", "cash_pilots.app:api"),
        *("--port", str(plan.ports["cash-pilots-api"])),
    )
    assert "/stadsbeurs_cash_pilots?" in api.environment["STADSBEURS_DATABASE_URL"]
    assert rows["gateway"].environment["STADSBEURS_CASH_PILOTS_URL"].startswith("http://127.0.0.1:21")
    assert house.issuers(services)[-1] == "cash-pilots"


def test_a_plan_survives_being_written_down() -> None:
    assert house.Plan.of(PLAN.as_json()) == PLAN
