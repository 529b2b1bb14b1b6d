import pytest

from training.cli.app import main, run_command
from training.errors import TrainingError


def test_brackets_in_an_error_are_kept(capsys):
    def fail():
        raise TrainingError("install pneumoscreen[cpu] or look in /data/[/old]")

    with pytest.raises(SystemExit):
        run_command(fail)
    assert "pneumoscreen[cpu] or look in /data/[/old]" in capsys.readouterr().err


def test_failed_command_prints_one_line(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["training", "cohort", "--data", str(tmp_path)])
    with pytest.raises(SystemExit) as exit_info:
        main()
    assert exit_info.value.code == 1
    assert capsys.readouterr().err.startswith("error: no radiographs in")
