"""Settings from the environment; production refuses what only a development machine may have.

A setting that names a file says how the file is read (`HoldsFile`), and `load` reads it once: a key that is missing is
found when a process starts, not at the first request that needs it.
"""

from __future__ import annotations

import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, Self, TypeVar

from pydantic import SecretStr, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from foundation.access import read_signing_key, read_trusted_keys
from foundation.clock import date_in

PREFIX = "STADSBEURS_"


@dataclass(frozen=True, slots=True)
class HoldsFile:
    """Marks a setting that names a file: `signing_key_file: Annotated[Path, HoldsFile("a key", read_key)]`."""

    content: str
    """What the file must hold, in words that finish "which does not hold …"."""
    read: Callable[[Path], object]
    """Reads the file; whatever it raises means that the file does not hold what it must."""
    made_later: bool = False
    """A process of ours makes the file when it first needs it: only its folder must be there."""

    def fault(self, path: Path) -> str | None:
        """Say what is wrong with a file and what to do, or nothing; shows nothing of what is in it."""
        wanted = path.parent if self.made_later and not path.exists() else path
        try:
            if wanted is not path:
                next(wanted.iterdir(), None)
                return None
            path.open("rb").close()
            self.read(path)
        except FileNotFoundError:
            return f"names {path}, but {wanted} is not there; put {self.content} there or name another file"
        except OSError as error:
            return (
                f"names {path}, but {wanted} cannot be read ({error.strerror}); make it readable or name another file"
            )
        except Exception:
            # The readers raise what their libraries raise, and some of these repeat what they read.
            return f"names {path}, which does not hold {self.content}; put that there or name another file"
        return None


class Settings(BaseSettings):
    """What every process needs to know; each field is read from `STADSBEURS_<FIELD>`."""

    model_config = SettingsConfigDict(env_prefix=PREFIX, env_ignore_empty=True, extra="ignore", frozen=True)

    environment: Literal["local", "production"]
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    business_date_file: Annotated[Path | None, HoldsFile("a date such as 2026-10-01", date_in, made_later=True)] = None
    signing_key_file: Annotated[Path, HoldsFile("a private Ed25519 key (JWK)", read_signing_key)]
    """The private Ed25519 key (JWK) with which this process signs its own tokens."""
    trusted_keys_file: Annotated[Path, HoldsFile("public Ed25519 keys that each have a kid (JWKS)", read_trusted_keys)]
    """The public keys (JWKS) of those whose tokens this process accepts; `kid` is the issuer's name."""

    @model_validator(mode="after")
    def _production_refuses_development_defaults(self) -> Self:
        if self.environment == "production":
            for name, why in self.development_defaults().items():
                raise ValueError(f"{PREFIX}{name.upper()} {why}; production refuses it")
        return self

    def development_defaults(self) -> dict[str, str]:
        """Name the settings that now have a value fit for development only, with the reason."""
        return {"business_date_file": "holds the business date still"} if self.business_date_file else {}


class ServiceSettings(Settings):
    """What a service with a database needs."""

    database_url: SecretStr
    redis_url: SecretStr
    database_pool_size: int = 10


S = TypeVar("S", bound=BaseSettings)


def load(kind: type[S]) -> S:
    """Read the settings; what is missing or wrong ends the process with one sentence a line, no traceback."""
    try:
        settings = kind()
    except ValidationError as error:
        faults = []
        for fault in error.errors(include_url=False, include_input=False):
            name = "_".join(str(part) for part in fault["loc"])
            text = "is not set" if fault["type"] == "missing" else fault["msg"].removeprefix("Value error, ")
            faults.append((name, text))
    else:
        faults = _file_faults(settings)
        if not faults:
            return settings
    for name, text in faults:
        print(f"Setting {PREFIX}{name.upper()} {text}." if name else f"Setting {text}.", file=sys.stderr)
    raise SystemExit(2)


def files_of(kind: type[BaseSettings]) -> dict[str, HoldsFile]:
    """Give the settings that name a file."""
    found: dict[str, Any] = {
        name: next((mark for mark in field.metadata if isinstance(mark, HoldsFile)), None)
        for name, field in kind.model_fields.items()
    }
    return {name: mark for name, mark in found.items() if mark is not None}


def _file_faults(settings: BaseSettings) -> list[tuple[str, str]]:
    named = ((name, mark, getattr(settings, name)) for name, mark in files_of(type(settings)).items())
    faults = [(name, mark.fault(path)) for name, mark, path in named if path is not None]
    return [(name, fault) for name, fault in faults if fault is not None]
