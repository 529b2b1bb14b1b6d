"""The commands as a person runs them, on real files and SQLite; only the network is a fake."""

import csv
import gzip
import hashlib
import io
import json
import os
import subprocess
import sys
import zipfile
from pathlib import Path

import pytest

from pipeline.release import write_release
from tests.releases import make_release, write_test_release
from tests.worker.cli.conftest import Run
from tests.worker.images import write_png


@pytest.fixture
def inbox(tmp_path: Path) -> Path:
    folder = tmp_path / "inbox"
    folder.mkdir()
    write_png(folder / "ill.png", 0.9)
    write_png(folder / "gray.png", 0.5)
    write_png(folder / "healthy.png", 0.05)
    (folder / "notes.dcm").write_text("not an image at all")
    (folder / "link").symlink_to(folder / "ill.png")
    (folder / "late.png.part").write_bytes(b"half")
    return folder


def test_screen_prints_the_worklist_with_the_most_urgent_first(run: Run, inbox: Path) -> None:
    result = run("screen", inbox)
    assert result.code == 0
    lines = [line for line in result.out.splitlines() if "SCREENED" in line]
    assert ["STAT" in lines[0], "HIGH" in lines[1]] == [True, True]
    assert "NOT_AN_IMAGE" in lines[2]
    assert "ROUTINE" in lines[3]
    assert "5 files: 3 screened, 1 quarantined, 1 failed" in result.out
    assert "1 passed over as unfinished" in result.out


def test_the_report_has_one_line_for_each_file_with_its_fate(
    run: Run, inbox: Path, tmp_path: Path
) -> None:
    report = tmp_path / "report.jsonl"
    run("screen", inbox, "--report", report)
    lines = [json.loads(line) for line in report.read_text().splitlines()]
    assert {os.path.basename(line["path"]): line["status"] for line in lines} == {
        "gray.png": "SCREENED",
        "healthy.png": "SCREENED",
        "ill.png": "SCREENED",
        "link": "FAILED",
        "notes.dcm": "QUARANTINED",
    }
    assert set(lines[0]) == {
        *("path", "sha256", "sop_instance_uid", "study_instance_uid", "status", "reason_code"),
        *("detail", "flags", "probability", "band", "priority", "model_release"),
    }
    assert "NO_IDENTITY" in lines[0]["flags"]


def test_a_table_shows_the_most_urgent_and_says_how_many_follow(run: Run, inbox: Path) -> None:
    result = run("screen", inbox, "--limit", 1)
    assert "STAT" in result.out
    assert "ROUTINE" not in result.out
    assert "3 more studies follow" in result.out
    # A program gets all of them.
    assert len(json.loads(run("screen", inbox, "--limit", 1, "--format", "json").out)) == 4


def test_a_second_run_needs_no_network_and_reports_the_same(
    run: Run, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (inbox / "link").unlink()  # a file that could not be had is tried again, and so is news
    run("screen", inbox, "--report", tmp_path / "first")
    monkeypatch.setattr(
        "worker.screening.assembly.load_classifier", lambda *_, **__: pytest.fail("loaded")
    )
    assert run("screen", inbox, "--report", tmp_path / "second").code == 0
    assert (tmp_path / "first").read_text() == (tmp_path / "second").read_text()


@pytest.fixture
def archive(tmp_path: Path) -> Path:
    path = tmp_path / "sent" / "study.zip"
    path.parent.mkdir()
    with zipfile.ZipFile(path, "w") as packed:
        for number, share in enumerate((0.9, 0.05)):
            content = write_png(tmp_path / "image.png", share, seed=number).read_bytes()
            packed.writestr(f"{number}.png", content)
    return path


@pytest.mark.parametrize("named", ["the archive", "its folder"])
def test_the_files_of_an_archive_are_screened_in_the_same_run_and_reported(
    run: Run, archive: Path, tmp_path: Path, named: str
) -> None:
    write_png(archive.parent / "z.png", 0.5)
    path = archive if named == "the archive" else archive.parent
    reports = [tmp_path / "first", tmp_path / "second"]
    for report in reports:
        assert run("screen", path, "--report", report).code == 0
    first, second = (
        [json.loads(line) for line in report.read_text().splitlines()] for report in reports
    )
    (folder,) = archive.parent.glob("unpacked-*")
    unpacked = {str(folder / name) for name in ("0.png", "1.png")}
    others = {str(archive)} if named == "the archive" else {str(archive), f"{path}/z.png"}
    assert {line["path"] for line in first} == unpacked | others
    assert len(first) == len(unpacked | others)
    assert {line["status"] for line in first if line["path"] in unpacked} == {"SCREENED"}
    assert sorted(map(json.dumps, second)) == sorted(map(json.dumps, first))


def test_an_archive_that_cannot_be_unpacked_has_a_row_that_says_so(
    run: Run, archive: Path, tmp_path: Path
) -> None:
    # Root may write anywhere: a file where the folder should be refuses it as well.
    sha256 = hashlib.sha256(archive.read_bytes()).hexdigest()
    (archive.parent / f"unpacked-{sha256[:16]}").touch()
    result = run("screen", archive, "--report", tmp_path / "report")
    assert result.code == 0
    (line,) = map(json.loads, (tmp_path / "report").read_text().splitlines())
    assert (line["status"], line["reason_code"]) == ("FAILED", "SOURCE_UNREADABLE")
    assert "cannot be unpacked beside itself" in line["detail"]
    assert "Traceback" not in result.err


def test_worklist_speaks_json_and_csv(run: Run, inbox: Path) -> None:
    run("screen", inbox)
    studies = json.loads(run("worklist", "--format", "json").out)
    assert [study["priority"] for study in studies] == ["STAT", "HIGH", None, "ROUTINE"]
    rows = list(csv.DictReader(io.StringIO(run("worklist", "--format", "csv").out)))
    assert [row["study_instance_uid"] for row in rows] == [
        study["study_instance_uid"] for study in studies
    ]


def test_show_tells_a_studys_history_by_the_end_of_its_uid(run: Run, inbox: Path) -> None:
    run("screen", inbox)
    (first, *_) = json.loads(run("worklist", "--format", "json").out)
    uid = first["study_instance_uid"]
    page = run("show", uid[-10:])
    assert page.code == 0
    assert uid in page.out
    history = json.loads(run("show", uid, "--format", "json").out)
    assert history["instances"][0]["source_paths"] == [str(inbox / "ill.png")]
    assert [event["kind"] for event in history["events"]] == ["REGISTERED", "CLAIMED", "SCREENED"]
    assert history["entry"]["band"] == "POSITIVE"


def test_an_acknowledged_study_moves_to_the_end(run: Run, inbox: Path) -> None:
    run("screen", inbox)
    (first, *_) = json.loads(run("worklist", "--format", "json").out)
    assert run("acknowledge", first["study_instance_uid"], "--by", "reader-1").code == 0
    last = json.loads(run("worklist", "--format", "json").out)[-1]
    assert last["study_instance_uid"] == first["study_instance_uid"]
    assert last["acknowledged_by"] == "reader-1"


def test_a_readers_verdict_is_kept_with_the_result_it_was_given_on(run: Run, inbox: Path) -> None:
    run("screen", inbox)
    (first, *_) = json.loads(run("worklist", "--format", "json").out)
    uid = first["study_instance_uid"]
    said = run("feedback", uid, "DISAGREE", "--by", "reader-1", "--because", "FALSE_POSITIVE")
    assert said.code == 0
    (verdict,) = json.loads(run("show", uid, "--format", "json").out)["feedback"]
    assert verdict["comment_code"] == "FALSE_POSITIVE"
    assert verdict["probability"] == first["probability"]


def test_a_study_whose_instance_is_withdrawn_asks_for_nothing(run: Run, inbox: Path) -> None:
    run("screen", inbox)
    (first, *_) = json.loads(run("worklist", "--format", "json").out)
    uid = first["study_instance_uid"]
    (instance,) = json.loads(run("show", uid, "--format", "json").out)["instances"]
    assert run("withdraw", instance["sha256"], "--by", "engineer-1").code == 0
    assert json.loads(run("show", uid, "--format", "json").out)["entry"]["priority"] is None


def test_old_events_move_into_files(run: Run, inbox: Path, tmp_path: Path) -> None:
    run("screen", inbox)
    assert "0 events" in run("db", "archive", tmp_path, "--before", "2000-01-01").out
    assert run("db", "archive", tmp_path, "--before", "2200-01-01").code == 0
    (file,) = tmp_path.glob("events-*.jsonl.gz")
    assert b"SCREENED" in gzip.decompress(file.read_bytes())
    assert len(json.loads(run("worklist", "--format", "json").out)) == 4


def test_db_check_finds_what_could_not_be_read(run: Run, inbox: Path) -> None:
    run("screen", inbox)
    problems = json.loads(run("db", "check", "--format", "json").out)
    assert problems
    assert all(problem["mend"] for problem in problems)


def test_an_empty_folder_is_no_error(run: Run, tmp_path: Path) -> None:
    (tmp_path / "empty").mkdir()
    result = run("screen", tmp_path / "empty")
    assert result.code == 0
    assert "0 files" in result.out


@pytest.mark.parametrize(
    ("arguments", "line"),
    [
        (("screen", "absent"), "cannot read absent: No such file or directory; name a file"),
        (("watch",), "no inbox is named; give a folder, or set PNEUMOSCREEN_INBOX"),
        (("show", "1.2.3"), "no study has the UID or accession number 1.2.3"),
        (("screen", ".", "--report", "absent/report"), "cannot write the report"),
        (("worklist", "--database", "mysql://x"), "database"),
        (("worklist", "--database", "postgresql://127.0.0.1:1/none"), "database"),
    ],
)
def test_what_the_system_cannot_do_is_one_line_and_exit_code_1(
    run: Run, arguments: tuple[str, ...], line: str
) -> None:
    result = run(*arguments)
    assert result.code == 1
    assert result.out == ""
    assert result.err.startswith("pneumoscreen: ")
    assert line in result.err
    assert result.err.count("\n") == 1
    assert "Traceback" not in result.err


def test_a_missing_release_is_one_line_that_names_the_mend(
    run: Run, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMOSCREEN_RELEASE", str(inbox))
    result = run("screen", inbox)
    assert (result.code, result.err.count("\n")) == (1, 1)
    assert "set PNEUMOSCREEN_RELEASE to a release folder" in result.err


def test_a_setting_that_cannot_be_used_is_named(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PNEUMOSCREEN_BATCH_SIZE", "many")
    result = run("worklist")
    assert result.code == 1
    assert result.err.startswith("pneumoscreen: PNEUMOSCREEN_BATCH_SIZE: ")


def test_usage_errors_have_exit_code_2(run: Run) -> None:
    assert run("screen").code == 2
    assert run("no-such-command").code == 2


def test_a_full_disk_is_one_line_and_nothing_is_half_written(
    run: Run, inbox: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PNEUMOSCREEN_DATABASE_URL", "sqlite:////dev/full/worklist.db")
    result = run("screen", inbox)
    assert (result.code, result.err.count("\n")) == (1, 1)


def test_help_and_version_answer(run: Run) -> None:
    assert "screen" in run("--help").out
    assert run("--version").out.startswith("pneumoscreen 0.")


@pytest.mark.parametrize("unbuffered", ["", "1"])
def test_output_that_cannot_be_written_is_one_line_and_no_traceback(
    tmp_path: Path, unbuffered: str
) -> None:
    settings = {
        "PYTHONUNBUFFERED": unbuffered,
        "PNEUMOSCREEN_DATABASE_URL": f"sqlite:///{tmp_path / 'worklist.db'}",
    }
    with Path("/dev/full").open("wb") as full:
        process = subprocess.run(
            [Path(sys.executable).with_name("pneumoscreen"), "worklist", "--format", "json"],
            env={**os.environ, **settings},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert process.returncode == 1
    assert process.stderr == (
        "pneumoscreen: the output cannot be written: No space left on device; make room, or send "
        "it elsewhere\n"
    )


def test_going_back_to_a_release_goes_back(
    run: Run, inbox: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def shown() -> set[tuple[str, str]]:
        entries = json.loads(run("worklist", "--format", "json").out)
        return {(entry["model_release"], entry["band"]) for entry in entries if entry["band"]}

    before = os.environ["PNEUMOSCREEN_RELEASE"]
    other = tmp_path / "other"
    write_test_release(other, "other")
    write_release(make_release("other", 0.0, 0.0), other)  # by which everything is positive
    assert run("screen", inbox).code == 0
    own = shown()
    monkeypatch.setenv("PNEUMOSCREEN_RELEASE", str(other))
    assert run("reprocess", "--compare").code == 0
    assert shown() == own  # a shadow run makes nothing current
    assert run("reprocess").code == 0
    assert shown() == {("other", "POSITIVE")}
    monkeypatch.setenv("PNEUMOSCREEN_RELEASE", before)
    assert run("screen", inbox).code == 0
    assert shown() == own
