import re

import pytest

from tests.faults.judge import FULL, Ledger


@pytest.fixture
def ledger(request: pytest.FixtureRequest) -> Ledger:
    return Ledger(re.sub(r"\W+", "_", request.node.name))


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave out the long forms, but for `make faults`."""
    left_out = [] if FULL else [item for item in items if item.get_closest_marker("full")]
    if left_out:
        config.hook.pytest_deselected(items=left_out)
        items[:] = [item for item in items if item not in left_out]
