"""Makes a skipped test a failure where everything that can be installed must be there (CI)."""

import os
from typing import Any

import pytest

# The development data are nobody's to install, and root cannot be refused a folder.
_EXCUSED = ("development data", "root may")


class Strictness:
    """Collects what was skipped for want of something that could have been installed."""

    def __init__(self) -> None:
        self.missing: set[str] = set()

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.skipped and isinstance(report.longrepr, tuple):
            reason = report.longrepr[2]
            if not any(excuse in reason for excuse in _EXCUSED):
                self.missing.add(reason)

    def pytest_sessionfinish(self, session: pytest.Session) -> None:
        if self.missing:
            session.exitstatus = pytest.ExitCode.TESTS_FAILED

    def pytest_terminal_summary(self, terminalreporter: Any) -> None:
        for reason in sorted(self.missing):
            terminalreporter.write_line(f"PNEUMOSCREEN_TEST_STRICT: may not be skipped: {reason}")


def pytest_configure(config: pytest.Config) -> None:
    if os.environ.get("PNEUMOSCREEN_TEST_STRICT"):
        config.pluginmanager.register(Strictness())
