import pytest

from training.cli.app import main, run_command
from training.errors import TrainingError


def test_what_an_error_names_in_brackets_is_kept(capsys):
    def fail():
        raise TrainingError("install pneumoscreen[cpu] or look in /data/[/old]")

    with pytest.raises(SystemExit):
        run_command(fail)
    assert "pneumoscreen[cpu] or look in /data/[/old]" in capsys.readouterr().err


def test_failed_command_is_one_line_that_names_the_mend(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr("sys.argv", ["training", "cohort", "--data", str(tmp_path)])
    with pytest.raises(SystemExit) as exit_info:
        main()
    assert exit_info.value.code == 1
    assert capsys.readouterr().err.startswith("error: no radiographs in")
