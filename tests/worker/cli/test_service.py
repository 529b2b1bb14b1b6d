from pathlib import Path

import pytest

from tests.worker.cli.conftest import Run


def test_a_dry_run_of_reprocessing_counts(run: Run) -> None:
    done = run("reprocess", "--dry-run", "--since", "2026-01-01", "--site", "Ward 3")
    assert done.out == "0 instances lack test-release\n"


def test_reprocessing_nothing_does_nothing(run: Run) -> None:
    assert run("reprocess").out == "0 instances sent to the workers for test-release\n"


@pytest.mark.parametrize("command", ["worker", "beat", "sweep"])
def test_the_service_needs_a_broker_and_says_so(run: Run, command: str) -> None:
    done = run(command)
    assert done.code == 1
    assert "PNEUMOSCREEN_BROKER_URL" in done.err


def test_health_is_told_by_the_exit_code(
    run: Run, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert run("health").code == 2
    monkeypatch.setenv("PNEUMOSCREEN_HEARTBEAT", str(tmp_path / "alive"))
    assert run("health").code == 1
    (tmp_path / "alive").touch()
    assert run("health").code == 0
