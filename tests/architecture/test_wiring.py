"""What is declared is also connected: a role before every route, a handler for every message, a task for every tick."""

from __future__ import annotations

import ast
import inspect
from collections.abc import Callable, Iterator
from importlib import import_module
from types import ModuleType
from typing import Any

import pytest
from fastapi import FastAPI
from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from foundation.access import Role, RoleCheck
from foundation.database import Database, _read, _write
from foundation.idempotency import _command
from foundation.work import Worker
from stadsbeurs import house
from tests.architecture.test_house_rules import SERVICES, module_of, sources
from tests.support.callers import Callers

OPEN_DOORS = {"/healthz", "/readyz", "/metrics"}
SIGNED = "/stripe-events"
"""What Stripe tells carries its signature instead of a token, and its own id instead of an idempotency key."""
READS_ONLY = ("/loan-schedules", "/cost-comparisons")
"""A POST that works something out and stores nothing (contract)."""
OWN_KEYS = ("/call-authorisations",)
"""A POST that carries a key of its own in its body: the call id (contract)."""
NAMED = ("/holds",)
"""A PUT of things whose ids the asker chose, which are their keys."""


@pytest.fixture(scope="module")
def apis(callers: Callers) -> dict[str, FastAPI]:
    database = Database("postgresql://nobody@127.0.0.1:1/nothing")
    return {
        service: without_parts(module(service, "app").make_api, database, callers.verifier(name_of(service)))
        for service in SERVICES
    }


def module(service: str, name: str) -> ModuleType:
    """Give a module that every service has: `app` or `tasks`."""
    return import_module(f"{service}.{name}")


def without_parts(make: Callable[..., Any], *given: Any) -> Any:
    """Call what wires a service, with nothing in the place of the parts that are not given: none of them is used here."""
    required = [one for one in inspect.signature(make).parameters.values() if one.default is one.empty]
    return make(*given, *[None] * (len(required) - len(given)))


def routes(router: Any, prefix: str = "") -> Iterator[tuple[str, APIRoute]]:
    """Walk an API with everything that is included in it."""
    for route in router.routes:
        if isinstance(route, APIRoute):
            yield prefix + route.path, route
        elif hasattr(route, "original_router"):
            yield from routes(route.original_router, f"{prefix}…")


def checks(dependant: Dependant) -> Iterator[Any]:
    yield dependant.call
    for inner in dependant.dependencies:
        yield from checks(inner)


@pytest.mark.parametrize("service", SERVICES)
def test_a_role_is_checked_before_every_route(service: str, apis: dict[str, FastAPI]) -> None:
    seen = 0
    for path, route in routes(apis[service]):
        guards = [call for call in checks(route.dependant) if isinstance(call, RoleCheck)]
        if path in OPEN_DOORS or path.endswith(SIGNED):
            continue
        seen += 1
        assert guards, f"{route.methods} {path} has no role check"
        assert all(guard.roles for guard in guards), f"{path} lets nobody in"
    described = apis[service].openapi()["paths"]
    signed = sum(path.endswith(SIGNED) for path in described)
    assert seen + signed == sum(len(methods) for methods in described.values()), (
        "the walk saw every route that is described"
    )


@pytest.mark.parametrize("service", SERVICES)
def test_every_post_has_an_idempotency_key(service: str, apis: dict[str, FastAPI]) -> None:
    for path, route in routes(apis[service]):
        if "POST" in route.methods and not path.endswith((SIGNED, *READS_ONLY, *OWN_KEYS)):
            calls = list(checks(route.dependant))
            # One that only reads (the stand-in bank's files) changes nothing however often it is asked.
            assert _command in calls or (_read in calls and _write not in calls), path
        assert route.methods <= {"GET", "POST"} or (route.methods == {"PUT"} and path.endswith(NAMED)), path


@pytest.mark.parametrize("service", SERVICES)
def test_addresses_are_plural_nouns_in_kebab_case_and_fields_camel_case(service: str, apis: dict[str, FastAPI]) -> None:
    document = apis[service].openapi()
    for path in document["paths"]:
        assert not path.endswith("/")
        for part in path.split("/")[4:]:
            assert part.startswith("{") or (part == part.lower() and "_" not in part), path
    for name, schema in document.get("components", {}).get("schemas", {}).items():
        if name not in ("HTTPValidationError", "ValidationError"):
            for field in schema.get("properties", {}):
                assert "_" not in field, f"{name}.{field}"
                assert not field[0].isupper(), f"{name}.{field}"


def amounts(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    words = (
        "amount",
        "balance",
        "used",
        "toppedUp",
        "total",
        "held",
        "available",
        "debit",
        "credit",
        "budgetBefore",
        "wage",
    )
    for name, schema in document["components"]["schemas"].items():
        for field, described in schema.get("properties", {}).items():
            if field in words:
                yield f"{name}.{field}", described


@pytest.mark.parametrize("service", SERVICES)
def test_amounts_are_whole_numbers(service: str, apis: dict[str, FastAPI]) -> None:
    found = dict(amounts(apis[service].openapi()))
    assert found
    for name, described in found.items():
        types = {described.get("type"), *(one.get("type") for one in described.get("anyOf", ()))} - {None, "null"}
        assert types == {"integer"}, f"{name} is {described}"


def enqueued(service: str) -> dict[str, str]:
    """Give every kind of message that a service puts in its outbox, with where."""
    found = {}
    for path in sources(service):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        for node in ast.walk(tree):
            if isinstance(node, ast.Call) and ast.unparse(node.func) in ("outbox.enqueue", "enqueue"):
                kind = node.args[1]
                module = import_module(module_of(path))
                value = eval(compile(ast.Expression(kind), str(path), "eval"), dict(vars(module)))
                assert isinstance(value, str), f"{path}:{node.lineno}: the kind of a message is a constant"
                found[value] = f"{path.name}:{node.lineno}"
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_every_message_has_a_handler_and_every_handler_a_message(service: str) -> None:
    tasks = module(service, "tasks")
    handled = without_parts(tasks.handlers) if hasattr(tasks, "handlers") else {}
    assert set(enqueued(service)) == set(handled)


def name_of(package: str) -> str:
    """What a service is called outside its own code."""
    return package.replace("_", "-")


def worker(service: str) -> Worker:
    def no_database() -> Database:
        raise AssertionError("nothing is worked here")

    made = Worker(name_of(service), redis_url="redis://127.0.0.1:1/0", database=no_database)
    without_parts(module(service, "tasks").register, made)
    return made


@pytest.mark.parametrize("service", SERVICES)
def test_every_tick_has_a_task_and_a_queue_of_this_service(service: str) -> None:
    made = worker(service)
    schedule = made.celery.conf.beat_schedule
    assert schedule
    for entry in schedule.values():
        assert entry["task"] in made.celery.tasks
        assert entry["options"]["queue"].startswith(f"{name_of(service)}.")
        assert entry["options"]["expires"] >= 1


@pytest.mark.parametrize("service", SERVICES)
def test_every_bell_rings_for_a_task_that_is_there(service: str) -> None:
    app = module(service, "app")
    rung = {
        eval(ast.unparse(node.args[2]), dict(vars(app)))
        for node in ast.walk(ast.parse(inspect.getsource(app)))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Bell"
    }
    assert rung
    assert rung <= set(worker(service).celery.tasks)


@pytest.mark.parametrize("service", SERVICES)
def test_the_local_house_works_every_queue(service: str) -> None:
    scheduled = {entry["options"]["queue"] for entry in worker(service).celery.conf.beat_schedule.values()}
    [local] = [one for one in house.SERVICES if one.package == service]
    assert scheduled == {queue for process in local.workers for queue in process.queues}
    assert [process.beat for process in local.workers].count(True) == 1, "exactly one ticks the schedule"


def test_a_service_role_alone_opens_no_door_meant_for_people(apis: dict[str, FastAPI]) -> None:
    for path, route in [one for service in SERVICES if service != "wallet" for one in routes(apis[service])]:
        if path.endswith(READS_ONLY):
            continue
        for call in checks(route.dependant):
            assert not (isinstance(call, RoleCheck) and Role.SERVICE in call.roles), path
