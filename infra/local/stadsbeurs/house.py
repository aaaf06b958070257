"""The table of processes: what runs in the house, with which settings, and what must be there first.

A new service is one entry in `SERVICES`.
"""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

from stadsbeurs import keys, provision
from stadsbeurs.installation import Installation
from stadsbeurs.probes import http_probe
from stadsbeurs.processes import PYTHON, Process

MIGRATIONS = "migrations"
GATEWAY = "gateway"
GATEWAY_METRICS = "gateway-metrics"
STRIPE_STAND_IN = "stripe-stand-in"
TELECOM_STAND_IN = "telecom-stand-in"
STRIPE_KEY_SETTING = "STADSBEURS_STRIPE_KEY"
SETTLES_AFTER_S = "2"
"""How soon a debit at the stand-in of Stripe ends by itself; at Stripe it takes days."""
DATABASE_SETTING = "STADSBEURS_DATABASE_URL"
REDIS_SETTING = "STADSBEURS_REDIS_URL"
# A worker finishes the task it is at; the limit of one task is 60 s, most end within one.
WORKER_STOPS_WITHIN_S = 25.0


@dataclass(frozen=True)
class Worker:
    """One worker process of a service; exactly one of them ticks the schedule (`beat`)."""

    name: str
    queues: tuple[str, ...]
    beat: bool = False


@dataclass(frozen=True)
class Service:
    """A service: an API and its workers, on a database of its own. Its name is its issuer in tokens and its address."""

    name: str
    workers: tuple[Worker, ...]
    files: Mapping[str, str] = field(default_factory=dict)
    """Further settings that name a file of the installation, relative to its root."""
    collects: bool = False
    """Whether it collects money through Stripe, or through what stands in for it here."""

    @property
    def package(self) -> str:
        return self.name.replace("-", "_")


SERVICES = (
    Service(
        "wallet",
        workers=(
            Worker("wallet-worker", ("wallet.jobs",), beat=True),
            Worker("wallet-sealer", ("wallet.seals",)),
        ),
        files={
            "STADSBEURS_VAULT_KEYS_FILE": "keys/vault-keys.json",
            "STADSBEURS_SEAL_KEY_FILE": "keys/seal.jwk",
            "STADSBEURS_ANCHOR_FILE": "anchors.jsonl",
        },
    ),
    Service(
        "burgerbudget",
        workers=(
            Worker("burgerbudget-jobs", ("burgerbudget.jobs",), beat=True),
            Worker("burgerbudget-outbox", ("burgerbudget.outbox",)),
        ),
    ),
    Service(
        "sociaal-krediet",
        workers=(Worker("sociaal-krediet-worker", ("sociaal-krediet.jobs", "sociaal-krediet.outbox"), beat=True),),
        collects=True,
    ),
    Service(
        "belkosten",
        workers=(Worker("belkosten-worker", ("belkosten.jobs", "belkosten.outbox"), beat=True),),
    ),
)


@dataclass(frozen=True)
class Plan:
    """What was decided for one start: where everything listens and on which servers it stands."""

    gateway_port: int
    ports: Mapping[str, int]
    admin_url: str
    redis_url: str

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    @classmethod
    def of(cls, content: Mapping[str, Any]) -> Plan:
        return cls(**{name: content[name] for name in ("gateway_port", "ports", "admin_url", "redis_url")})


def issuers(services: Sequence[Service] = SERVICES) -> list[str]:
    """Who sign tokens that services trust."""
    return [GATEWAY, *(service.name for service in services)]


def port_names(services: Sequence[Service] = SERVICES) -> list[str]:
    """What gets a free port; the gateway's own is given, and its figures are shown on another that stays inside."""
    ours = [[_api(service), *(worker.name for worker in service.workers)] for service in services]
    stand_ins = [*([STRIPE_STAND_IN] if has_stripe_stand_in(services) else []), TELECOM_STAND_IN]
    return ["postgres", "valkey", *(name for names in ours for name in names), *stand_ins, GATEWAY_METRICS]


def has_stripe_stand_in(services: Sequence[Service] = SERVICES) -> bool:
    """Tell whether the stand-in of Stripe runs here: where something collects and no key of Stripe itself is set."""
    return any(service.collects for service in services) and not os.environ.get(STRIPE_KEY_SETTING)


def table(
    installation: Installation,
    plan: Plan,
    servers: Sequence[Process] = (),
    services: Sequence[Service] = SERVICES,
) -> list[Process]:
    """All processes of the house. `servers` are those of PostgreSQL and Valkey, unless they run elsewhere."""
    postgres = tuple(server.name for server in servers if server.name == "postgres")
    valkey = tuple(server.name for server in servers if server.name == "valkey")
    databases = Process(
        name="databases",
        argv=_python(
            *("stadsbeurs.provision", str(installation.keys), *(service.package for service in services)),
            *([provision.OWN_SERVER] if postgres else []),
        ),
        environment={**_inherited(), provision.ADMIN_URL_SETTING: plan.admin_url},
        needs=postgres,
        runs_once=True,
    )
    migrations = Process(
        name=MIGRATIONS,
        # All in one process: starting Python and reading the migrations' libraries takes longer than the migrations.
        argv=_python("foundation.migrate", *(service.package for service in services)),
        environment={
            **_inherited(),
            **{_migration_setting(service): owner_url(installation, plan, service) for service in services},
        },
        needs=(databases.name,),
        runs_once=True,
    )
    rows = [*servers, databases, migrations]
    for service in services:
        rows += _service_rows(installation, plan, service, services, valkey)
    if STRIPE_STAND_IN in plan.ports:
        rows.append(_stripe_stand_in(installation, plan))
    if TELECOM_STAND_IN in plan.ports:
        rows.append(_telecom_stand_in(installation, plan))
    rows.append(
        Process(
            name=GATEWAY,
            argv=_python("foundation.serve", "gateway.app:api", "--port", str(plan.gateway_port)),
            environment=gateway_environment(installation, plan, services),
            needs=valkey,
            leans_on=tuple(_api(service) for service in services),
            probe=http_probe(plan.gateway_port),
            stops_within_s=15.0,
        )
    )
    return rows


def _service_rows(
    installation: Installation,
    plan: Plan,
    service: Service,
    services: Sequence[Service],
    valkey: tuple[str, ...],
) -> list[Process]:
    environment = service_environment(installation, plan, service, services)
    port = plan.ports[_api(service)]
    api = Process(
        name=_api(service),
        argv=_python("foundation.serve", f"{service.package}.app:api", "--port", str(port)),
        environment=environment,
        needs=(MIGRATIONS,),
        probe=http_probe(port),
        stops_within_s=15.0,
    )
    workers = [
        Process(
            name=worker.name,
            argv=_python(
                *("foundation.work", f"{service.package}.tasks:worker", "--queues", ",".join(worker.queues)),
                *("--port", str(plan.ports[worker.name]), *(["--beat"] if worker.beat else [])),
            ),
            environment=environment,
            needs=(MIGRATIONS, *valkey),
            probe=http_probe(plan.ports[worker.name]),
            stops_within_s=WORKER_STOPS_WITHIN_S,
        )
        for worker in service.workers
    ]
    return [api, *workers]


def _stripe_stand_in(installation: Installation, plan: Plan) -> Process:
    port = plan.ports[STRIPE_STAND_IN]
    events = f"http://127.0.0.1:{plan.gateway_port}/api/sociaal-krediet/v1/stripe-events"
    return Process(
        name=STRIPE_STAND_IN,
        argv=_python("foundation.serve", "stripe_stand_in.app:api", "--port", str(port)),
        environment={
            **_inherited(),
            **_stripe(installation, plan),
            "STADSBEURS_STRIPE_STAND_IN_FILE": str(installation.root / "stripe-stand-in.sqlite"),
            "STADSBEURS_STRIPE_PUBLIC_URL": f"http://127.0.0.1:{port}",
            "STADSBEURS_STRIPE_WEBHOOK_URL": events,
            "STADSBEURS_STRIPE_SETTLES_AFTER_S": SETTLES_AFTER_S,
        },
        probe=http_probe(port),
        stops_within_s=15.0,
    )


def _telecom_stand_in(installation: Installation, plan: Plan) -> Process:
    """The telephone provider on the other side of belkosten; it comes in through the gateway, like any provider."""
    port = plan.ports[TELECOM_STAND_IN]
    key = keys.signing_key_file(installation.keys, keys.STAND_IN_ISSUER)
    return Process(
        name=TELECOM_STAND_IN,
        argv=_python("foundation.serve", "telecom_stand_in.app:api", "--port", str(port)),
        environment={
            **_inherited(),
            "STADSBEURS_BUSINESS_DATE_FILE": str(installation.business_date_file),
            "STADSBEURS_TELECOM_STAND_IN_FILE": str(installation.root / "telecom-stand-in.sqlite"),
            "STADSBEURS_TELECOM_GATEWAY_URL": f"http://127.0.0.1:{plan.gateway_port}",
            "STADSBEURS_TELECOM_TOKEN_KEY_FILE": str(key),
            "STADSBEURS_TELECOM_TOKEN_ISSUER": keys.STAND_IN_ISSUER,
        },
        probe=http_probe(port),
        stops_within_s=15.0,
    )


def _collecting(installation: Installation, plan: Plan) -> dict[str, str]:
    """What a service that collects is told: where people come back to, and where Stripe is."""
    return {"STADSBEURS_PUBLIC_URL": f"http://127.0.0.1:{plan.gateway_port}", **_stripe(installation, plan)}


def _stripe(installation: Installation, plan: Plan) -> dict[str, str]:
    """What both sides of the stand-in of Stripe know: its address, the key to it, and the secret under its messages."""
    if STRIPE_STAND_IN not in plan.ports:
        return {}
    return {
        STRIPE_KEY_SETTING: keys.stripe_secret(installation.keys, "sk_test"),
        "STADSBEURS_STRIPE_WEBHOOK_SECRETS": keys.stripe_secret(installation.keys, "whsec"),
        "STADSBEURS_STRIPE_URL": f"http://127.0.0.1:{plan.ports[STRIPE_STAND_IN]}",
    }


def service_environment(
    installation: Installation, plan: Plan, service: Service, services: Sequence[Service] = SERVICES
) -> dict[str, str]:
    """The settings of the processes of one service."""
    return {
        **_shared(installation, plan, services),
        DATABASE_SETTING: service_url(installation, plan, service),
        "STADSBEURS_SIGNING_KEY_FILE": str(keys.signing_key_file(installation.keys, service.name)),
        **(_collecting(installation, plan) if service.collects else {}),
        **{setting: str(installation.root / name) for setting, name in service.files.items()},
    }


def gateway_environment(
    installation: Installation, plan: Plan, services: Sequence[Service] = SERVICES
) -> dict[str, str]:
    """The settings of the gateway: people sign in with the stand-in identity provider unless another is set."""
    environment = {
        **_shared(installation, plan, services),
        "STADSBEURS_SIGNING_KEY_FILE": str(keys.signing_key_file(installation.keys, GATEWAY)),
        "STADSBEURS_METRICS_PORT": str(plan.ports[GATEWAY_METRICS]),
    }
    if not environment.get("STADSBEURS_OIDC_ISSUER"):
        stand_in = keys.signing_key_file(installation.keys, keys.STAND_IN_ISSUER)
        environment["STADSBEURS_STAND_IN_IDENTITY_KEY_FILE"] = str(stand_in)
    return environment


def service_url(installation: Installation, plan: Plan, service: Service) -> str:
    """The database of `service` for its processes."""
    return _url(installation, plan, service, provision.service_of(service.package))


def owner_url(installation: Installation, plan: Plan, service: Service) -> str:
    """The database of `service` for its migrations."""
    return _url(installation, plan, service, provision.owner_of(service.package))


def auditor_url(installation: Installation, plan: Plan, service: Service) -> str:
    """The database of `service` for who verifies its books."""
    return _url(installation, plan, service, provision.auditor_of(service.package))


def _url(installation: Installation, plan: Plan, service: Service, role: str) -> str:
    password = keys.database_password(installation.keys, role)
    return provision.address(plan.admin_url, provision.database_of(service.package), role, password)


def _migration_setting(service: Service) -> str:
    """The setting that `foundation.migrate` reads; written here too, because it would bring a whole database along."""
    return f"STADSBEURS_{service.package.upper()}_MIGRATION_DATABASE_URL"


def _shared(installation: Installation, plan: Plan, services: Sequence[Service]) -> dict[str, str]:
    """What every process of ours is told."""
    return {
        **_inherited(),
        "STADSBEURS_REDIS_URL": plan.redis_url,
        "STADSBEURS_TRUSTED_KEYS_FILE": str(keys.trusted_keys_file(installation.keys)),
        "STADSBEURS_BUSINESS_DATE_FILE": str(installation.business_date_file),
        **{
            f"STADSBEURS_{service.package.upper()}_URL": f"http://127.0.0.1:{plan.ports[_api(service)]}"
            for service in services
        },
    }


def _inherited() -> dict[str, str]:
    """The caller's environment, without the addresses of servers: each process gets its own and no other's."""
    ours = {DATABASE_SETTING, REDIS_SETTING, provision.ADMIN_URL_SETTING, *map(_migration_setting, SERVICES)}
    kept = {name: value for name, value in os.environ.items() if name not in ours and not name.startswith("PG")}
    # The last one lets a process of ours tell that it is to die with its supervisor.
    return {**kept, "STADSBEURS_ENVIRONMENT": "local", "PYTHONUNBUFFERED": "1", "STADSBEURS_SUPERVISED": "1"}


def _api(service: Service) -> str:
    return f"{service.name}-api"


def _python(module: str, *arguments: str) -> tuple[str, ...]:
    return (*PYTHON, module, *arguments)
