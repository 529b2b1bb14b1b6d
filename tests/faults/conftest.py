import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.faults.judge import Ledger
from tests.service.stack import Stack, open_stack, servers_are_missing


@pytest.fixture(scope="session")
def servers() -> None:
    missing = servers_are_missing()
    if missing is not None:
        pytest.skip(missing)


@pytest.fixture
def stack(servers: None, tmp_path: Path) -> Iterator[Stack]:  # noqa: ARG001
    with open_stack(tmp_path) as opened:
        yield opened


@pytest.fixture
def ledger(request: pytest.FixtureRequest) -> Ledger:
    return Ledger(re.sub(r"\W+", "_", request.node.name))
