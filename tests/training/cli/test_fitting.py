import pytest
from typer.testing import CliRunner

from training.cli.app import app

pytestmark = pytest.mark.tensorflow


def test_network_command_prints_the_layers():
    done = CliRunner().invoke(app, ["network", "cnn", "--size-px", "32"])
    assert done.exit_code == 0, done.output
    assert "logit" in done.output
    assert "Total params" in done.output
