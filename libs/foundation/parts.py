"""The parts that the API of a service with a database and a worker is made on, as its settings say."""

from __future__ import annotations

from dataclasses import dataclass

from celery import Celery

from foundation import outbox
from foundation.access import TokenVerifier
from foundation.database import Database
from foundation.observability import configure_logging
from foundation.settings import ServiceSettings
from foundation.work import Bell, configure


@dataclass(frozen=True, slots=True)
class Parts:
    """What every API is made on."""

    database: Database
    verifier: TokenVerifier
    celery: Celery


def parts_of(name: str, settings: ServiceSettings) -> Parts:
    """Begin the logging of an API and make its parts as the settings say; its outbox rings for the worker from now on."""
    configure_logging(f"{name}-api", settings.log_level)
    celery = configure(name, settings.redis_url.get_secret_value())
    outbox.hang_bell(Bell(celery, f"{name}.outbox", "deliver-announced-outbox-row"))
    return Parts(Database.of(settings, name), TokenVerifier.from_file(name, settings.trusted_keys_file), celery)
