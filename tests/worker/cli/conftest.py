import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.releases import write_test_release
from tests.worker.fakes import BrightnessClassifier
from worker.cli.app import main


@dataclass
class Result:
    code: int
    out: str
    err: str


Run = Callable[..., Result]


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    monkeypatch.setenv("PNEUMOSCREEN_RELEASE", str(write_test_release(tmp_path / "release")))
    monkeypatch.setenv("PNEUMOSCREEN_DATABASE_URL", f"sqlite:///{tmp_path / 'worklist.db'}")
    monkeypatch.setenv("PNEUMOSCREEN_READERS", "1")
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(
        "worker.screening.assembly.load_classifier", lambda *_, **__: BrightnessClassifier()
    )

    def run(*arguments: str | Path) -> Result:
        monkeypatch.setattr(sys, "argv", ["pneumoscreen", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capsys.readouterr()
        code = left.value.code
        return Result(code if isinstance(code, int) else 1, printed.out, printed.err)

    return run
