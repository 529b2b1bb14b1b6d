"""The product as it is installed: its own command, reader processes, database and network."""

import json
import os
import subprocess
import sys
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from pipeline.codes import InstanceState
from tests.development_data import DATA, skip_without
from worker.database import open_database
from worker.phantoms.studies import write_phantoms

COMMAND = Path(sys.executable).with_name("pneumoscreen")

pytestmark = [pytest.mark.tensorflow, pytest.mark.timeout(900)]


def screen(folder: Path, workplace: Path, report: str = "report.jsonl") -> list[dict[str, Any]]:
    """Screen a folder into a database in the workplace; give the report's lines."""
    finished = subprocess.run(
        [COMMAND, "screen", folder, "--report", workplace / report, "--format", "json"],
        env={**os.environ, "PNEUMOSCREEN_DATABASE_URL": f"sqlite:///{workplace / 'worklist.db'}"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stderr
    assert "Traceback" not in finished.stderr
    json.loads(finished.stdout)
    return [json.loads(line) for line in (workplace / report).read_text().splitlines()]


def test_every_phantom_ends_as_it_should_and_a_second_run_screens_nothing(tmp_path: Path) -> None:
    phantoms = write_phantoms(tmp_path / "inbox", seed=3)
    first = screen(tmp_path / "inbox", tmp_path)
    assert {line["path"]: line["reason_code"] for line in first} == {
        str(phantom.path): phantom.rejection for phantom in phantoms
    }
    for line in first:
        is_screened = line["status"] == InstanceState.SCREENED
        assert (line["probability"] is not None) is is_screened
    assert screen(tmp_path / "inbox", tmp_path, "second.jsonl") == first


@pytest.mark.data
@skip_without()
@pytest.mark.parametrize("folder", ["kermany_native", "dicom/rsna", "dicom/assorted"])
def test_every_real_file_ends_in_a_state_with_a_reason(folder: str, tmp_path: Path) -> None:
    files = [path for path in (DATA / folder).rglob("*") if path.is_file()]
    lines = screen(DATA / folder, tmp_path)
    assert Counter(line["path"] for line in lines) == Counter(map(str, files))
    for line in lines:
        assert InstanceState(line["status"]).is_terminal
        assert (line["reason_code"] is None) is (line["status"] == InstanceState.SCREENED)
        assert (line["detail"] is None) is (line["reason_code"] is None)
    assert screen(DATA / folder, tmp_path, "second.jsonl") == lines


HEAVY = {"tensorflow", "keras", "openvino", "numpy", "pydicom", "sqlalchemy", "alembic", "celery"}


@pytest.mark.parametrize("arguments", [["--help"], ["worklist"], ["worklist", "--format", "json"]])
def test_light_commands_load_neither_network_nor_decoders_nor_sql(
    arguments: list[str], tmp_path: Path
) -> None:
    url = f"sqlite:///{tmp_path / 'worklist.db'}"
    with open_database(url):
        pass
    program = (
        "import sys\nfrom worker.cli.app import main\n"
        "try:\n    main()\n"
        "finally:\n    sys.stderr.write(' '.join({name.partition('.')[0] for name in sys.modules}))"
    )
    finished = subprocess.run(
        [sys.executable, "-c", program, *arguments],
        env={**os.environ, "PNEUMOSCREEN_DATABASE_URL": url},
        capture_output=True,
        text=True,
        check=True,
    )
    loaded = set(finished.stderr.split())
    assert "typer" in loaded
    assert not HEAVY & loaded
