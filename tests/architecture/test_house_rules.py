"""Rules worth having are tests: who may commit, what stays pure, how files are called, what no file says."""

from __future__ import annotations

import ast
import os
import re
import tomllib
from collections.abc import Iterator
from importlib import import_module
from pathlib import Path
from types import ModuleType

import pytest

from stadsbeurs import house

ROOT = Path(__file__).parents[2]
SERVICES = tuple(service.package for service in house.SERVICES)
PACKAGES = {
    "foundation": ROOT / "libs/foundation",
    "wallet_contract": ROOT / "libs/wallet_contract",
    **{service.package: ROOT / "services" / service.name / service.package for service in house.SERVICES},
    "gateway": ROOT / "gateway/gateway",
    "stadsbeurs": ROOT / "infra/local/stadsbeurs",
    **{
        folder.name: folder
        for folder in sorted((ROOT / "infra/stand_ins").iterdir())
        if (folder / "__init__.py").is_file()
    },
}
NOT_OURS = {
    ".git",
    ".venv",
    ".stadsbeurs",
    "__pycache__",
    ".mypy_cache",
    ".ruff_cache",
    ".pytest_cache",
    ".hypothesis",
    "build",
}


def sources(*packages: str) -> list[Path]:
    return [path for name in packages or PACKAGES for path in sorted(PACKAGES[name].rglob("*.py"))]


def module_of(path: Path) -> str:
    for name, folder in PACKAGES.items():
        if path.is_relative_to(folder):
            parts = (name, *path.relative_to(folder).with_suffix("").parts)
            return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)
    raise AssertionError(path)


def files() -> Iterator[Path]:
    for folder, folders, names in os.walk(ROOT):
        folders[:] = [name for name in folders if name not in NOT_OURS and not name.endswith(".egg-info")]
        yield from (Path(folder) / name for name in names)


def test_only_the_database_of_the_foundation_commits() -> None:
    commits = [
        f"{path.relative_to(ROOT)}:{node.lineno}"
        for path in sources()
        if path != PACKAGES["foundation"] / "database.py"
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.Call)
        and isinstance(node.func, ast.Attribute)
        and node.func.attr == "commit"
        # A savepoint is let go of, not committed: nothing of it lasts without its transaction.
        and ast.unparse(node.func) != "savepoint.commit"
    ]
    assert commits == []


IMPURE = re.compile(
    r"(sqlalchemy|sqlmodel|alembic|psycopg|fastapi|starlette|httpx|celery|kombu|redis|stamina|structlog|prometheus_client"
    r"|os|io|sys|time|random|secrets|socket|subprocess|threading|asyncio|pathlib|tempfile|logging"
    r"|foundation\.(database|http|clock|settings|outbox|inbox|idempotency|application|access|observability|work|schedule|metrics"
    r"|identifiers|tables|file_work)"
    r"|wallet_contract\.client)(\.|$)"
)


def imported(path: Path) -> set[str]:
    """Give the modules that a file imports while it runs."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def pure_files() -> list[Path]:
    return [
        path
        for path in sources(*SERVICES)
        if path.name in ("rules.py", "postings.py") or "rules" in path.relative_to(ROOT).parts
    ]


def test_there_are_rules_to_look_at() -> None:
    assert {module_of(path).split(".")[0] for path in pure_files()} == set(SERVICES)


@pytest.mark.parametrize("path", pure_files(), ids=module_of)
def test_rules_and_postings_know_no_database_network_clock_or_framework(path: Path) -> None:
    by_module = {module_of(one): one for one in sources(*SERVICES)}
    seen: set[Path] = set()
    todo = [path]
    while todo:
        one = todo.pop()
        seen.add(one)
        names = imported(one)
        # What they import of their own service must be as pure as they are.
        assert not [name for name in names if IMPURE.match(name)], f"{module_of(one)} imports {names}"
        todo += [by_module[name] for name in names if name in by_module and by_module[name] not in seen]


def test_no_file_is_called_after_nothing() -> None:
    empty = {"utils", "util", "helpers", "helper", "common", "service", "services", "manager", "managers", "misc"}
    assert [str(path.relative_to(ROOT)) for path in files() if path.suffix == ".py" and path.stem in empty] == []


def test_no_source_is_longer_than_four_hundred_lines() -> None:
    long = {str(path.relative_to(ROOT)): len(path.read_text(encoding="utf-8").splitlines()) for path in sources()}
    assert {path: lines for path, lines in long.items() if lines > 400} == {}


def test_every_source_says_what_it_is() -> None:
    assert [str(path) for path in sources() if not ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))] == []


# Put together here, so that this file does not name them itself.
REGISTRIES = [
    "py" + "pi.org",
    "python" + "hosted.org",
    "npm" + "js.org",
    "npm" + "js.com",
    "index" + "-url",
    "docker" + ".io/",
]
TEXTS = {
    ".py",
    ".toml",
    ".txt",
    ".md",
    ".cfg",
    ".ini",
    ".yaml",
    ".yml",
    ".json",
    ".sh",
    ".html",
    ".css",
    ".lock",
    ".sql",
    "",
}


def test_no_file_names_a_registry() -> None:
    named = []
    for path in files():
        if path.suffix in TEXTS and path.stat().st_size < 5_000_000:
            text = path.read_bytes().decode("utf-8", errors="replace")
            named += [f"{path.relative_to(ROOT)}: {host}" for host in REGISTRIES if host in text]
    assert named == []


def test_nothing_is_left_to_be_done() -> None:
    marks = re.compile(r"\b(TO" + r"DO|FIX" + r"ME|XX" + r"X)\b")
    assert [str(path) for path in sources() if marks.search(path.read_text(encoding="utf-8"))] == []


def migrations(service: str) -> list[tuple[Path, ModuleType]]:
    folder = PACKAGES[service] / "migrations/versions"
    found = []
    for path in sorted(folder.glob("*.py")):
        namespace = ModuleType(path.stem)
        exec(
            compile(path.read_text(encoding="utf-8"), path, "exec"),
            namespace.__dict__ | {"__file__": str(path)},
            namespace.__dict__,
        )
        found.append((path, namespace))
    return found


@pytest.mark.parametrize("service", SERVICES)
def test_migrations_are_numbered_in_one_line_and_each_has_its_sentence(service: str) -> None:
    found = migrations(service)
    before = None
    for number, (path, module) in enumerate(found, start=1):
        assert re.fullmatch(rf"{number:04d}_[a-z]+(_[a-z]+)*\.py", path.name), path.name
        assert (module.revision, module.down_revision) == (f"{number:04d}", before), path.name
        assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8"))), path.name
        before = module.revision
    assert before is not None


@pytest.mark.parametrize("service", SERVICES)
def test_services_do_not_import_one_another(service: str) -> None:
    others = {name for name in (*SERVICES, "gateway", "stadsbeurs") if name != service}
    for path in sources(service):
        assert not {name.split(".")[0] for name in imported(path)} & others, path


def test_every_package_can_be_imported_whole() -> None:
    for path in sources():
        name = module_of(path)
        if ".migrations" not in name and not name.endswith("__main__"):
            import_module(name)


def test_the_project_file_names_every_package_wherever_packages_are_named() -> None:
    """A package that is left out of a list is not an error there: it is only never looked at."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]
    roots = {str(folder.parent.relative_to(ROOT)) for folder in PACKAGES.values()}
    assert set(project["setuptools"]["packages"]["find"]["where"]) == roots
    assert set(project["mypy"]["mypy_path"]) == roots
    assert set(project["mypy"]["packages"]) == set(PACKAGES)
    assert set(project["importlinter"]["root_packages"]) == set(PACKAGES)
    assert set(project["ruff"]["lint"]["isort"]["known-first-party"]) == {*PACKAGES, "tests"}
    contracts = project["importlinter"]["contracts"]
    [independent] = [one for one in contracts if one["type"] == "independence"]
    assert set(independent["modules"]) == {*SERVICES, "gateway"}
    [pure] = [one for one in contracts if one["name"] == "Rules and postings are pure"]
    layered = {name for one in contracts if one["type"] == "layers" for name in one.get("containers", ())}
    for scheme in set(SERVICES) - {"wallet"}:
        assert {f"{scheme}.rules", f"{scheme}.postings"} <= set(pure["source_modules"])
        assert scheme in layered, f"{scheme} has no contract of its layers"
