"""Logging: static event names, UIDs and digests only, to standard error.

Never a patient's name and never a file's name: both identify a child.
"""

import logging
import sys
from contextlib import suppress
from typing import TextIO, cast

import structlog

from worker.settings import LogFormat


class _LossyStream:
    """Standard error, but for a full disk or a closed pipe: lines get lost, the work goes on."""

    def write(self, text: str) -> int:
        with suppress(OSError):
            sys.stderr.write(text)
        return len(text)

    def flush(self) -> None:
        with suppress(OSError):
            sys.stderr.flush()


def configure_logging(level: str, log_format: LogFormat) -> None:
    """Send structlog's events of at least ``level`` to standard error, one line each."""
    threshold = logging.getLevelNamesMapping().get(level.upper(), logging.WARNING)
    renderer: structlog.typing.Processor = (
        structlog.processors.JSONRenderer()
        if log_format is LogFormat.JSON
        else structlog.dev.ConsoleRenderer(colors=sys.stderr.isatty())
    )
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.processors.format_exc_info,
            renderer,
        ],
        wrapper_class=structlog.make_filtering_bound_logger(threshold),
        logger_factory=structlog.PrintLoggerFactory(cast("TextIO", _LossyStream())),
    )
