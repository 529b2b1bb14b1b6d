from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from typer.testing import CliRunner

from tests.releases import write_test_release
from worker.cli.app import app

Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    monkeypatch.setenv("PNEUMOSCREEN_DATABASE_URL", f"sqlite:///{tmp_path / 'worklist.db'}")
    monkeypatch.setenv("PNEUMOSCREEN_RELEASE", str(write_test_release(tmp_path / "release")))
    monkeypatch.setenv("PNEUMOSCREEN_READERS", "1")
    return lambda *arguments: CliRunner().invoke(app, arguments)


def test_a_dry_run_of_reprocessing_counts(run: Run) -> None:
    done = run("reprocess", "--dry-run", "--since", "2026-01-01", "--site", "Ward 3")
    assert done.output == "0 instances lack test-release\n"


def test_reprocessing_nothing_does_nothing(run: Run) -> None:
    assert run("reprocess").output == "0 instances sent to the workers for test-release\n"


@pytest.mark.parametrize("command", ["worker", "beat", "sweep"])
def test_the_service_needs_a_broker_and_says_so(run: Run, command: str) -> None:
    done = run(command)
    assert done.exit_code == 1
    assert "PNEUMOSCREEN_BROKER_URL" in str(done.exception)


def test_health_is_told_by_the_exit_code(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("health").exit_code == 2
    monkeypatch.setenv("PNEUMOSCREEN_HEARTBEAT", str(tmp_path / "alive"))
    assert run("health").exit_code == 1
    (tmp_path / "alive").touch()
    assert run("health").exit_code == 0
