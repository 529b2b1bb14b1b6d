"""Reads the environment: every setting, its unit, its default.

Everything else is handed what it needs; only this module and `worker.environment` may look at
``os.environ``.
"""

import os
from datetime import time
from enum import StrEnum
from pathlib import Path
from typing import Annotated

from pydantic import Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.engines.names import EngineName
from pipeline.errors import PneumoscreenError
from pipeline.release import CURRENT_RELEASE, RELEASES_FOLDER
from pipeline.values.reading import ReadingLimits
from worker.environment import ENVIRONMENT_PREFIX, default_database_url


class SettingsError(PneumoscreenError):
    """A setting in the environment has a value that cannot be used."""


class LogFormat(StrEnum):
    """How log lines look: for a person at a terminal, or for a log collector."""

    CONSOLE = "console"
    JSON = "json"


class SourcePolicy(StrEnum):
    """What to do with a file in the inbox that was screened, or is not eligible."""

    KEEP = "keep"
    ARCHIVE = "archive"
    DELETE = "delete"


class Settings(BaseSettings):
    """All settings, read once at start-up from ``PNEUMOSCREEN_*`` variables.

    Nested values take two underscores: ``PNEUMOSCREEN_ELIGIBILITY__MAXIMUM_AGE_YEARS=16``.
    """

    model_config = SettingsConfigDict(
        env_prefix=ENVIRONMENT_PREFIX, env_nested_delimiter="__", frozen=True, extra="forbid"
    )

    database_url: str = Field(default_factory=default_database_url)
    # For `db upgrade` on PostgreSQL: the roles pneumoscreen_service and worklist_reader may log in.
    service_password: SecretStr | None = None
    reader_password: SecretStr | None = None
    broker_url: str | None = None
    inbox: Path | None = None
    release: Path = RELEASES_FOLDER / CURRENT_RELEASE
    engine: EngineName = EngineName.AUTO

    source_policy: SourcePolicy = SourcePolicy.KEEP
    archive: Path | None = None
    # Below this much room for the database or the archive, nothing more is taken in.
    least_free_mib: Annotated[int, Field(ge=0)] = 256

    scan_interval_s: Annotated[float, Field(gt=0)] = 2.0
    settle_s: Annotated[float, Field(ge=0)] = 5.0
    # Events of the file system make a rescan come sooner; True where they are known to mislead.
    polling_only: bool = False
    sweep_interval_s: Annotated[float, Field(gt=0)] = 10.0
    escalate_after_s: Annotated[float, Field(gt=0)] = 4 * 3600.0

    readers: Annotated[int, Field(ge=1)] = Field(default_factory=lambda: os.cpu_count() or 1)
    reader_memory_mib: Annotated[int, Field(ge=512)] = 4096
    reader_timeout_s: Annotated[float, Field(gt=0)] = 30.0
    limits: ReadingLimits = ReadingLimits()
    eligibility: EligibilityPolicy = EligibilityPolicy()

    batch_size: Annotated[int, Field(ge=1, le=256)] = 32
    lease_s: Annotated[float, Field(gt=0)] = 120.0
    maximum_attempts: Annotated[int, Field(ge=1)] = 3
    # Many more: workers die of other things than files, and often several times in a row.
    maximum_lost_workers: Annotated[int, Field(ge=2)] = 10

    # When the nightly reprocessing is due, UTC, and how many of its rows may wait at once.
    nightly_at: time = time(1, 0)
    reprocess_backlog: Annotated[int, Field(ge=1)] = 2_000

    # Renewed while the process is well: what `pneumoscreen health` looks at.
    heartbeat: Path | None = None
    log_level: str = "WARNING"
    log_format: LogFormat = LogFormat.CONSOLE


def load_settings() -> Settings:
    """Read the environment.

    Raises
    ------
    SettingsError
        Naming the variable, what was wrong with it, in one line.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        variable = ENVIRONMENT_PREFIX + "__".join(str(part) for part in first["loc"]).upper()
        raise SettingsError(f"{variable}: {first['msg']}; correct or unset it") from error
