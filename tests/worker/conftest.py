from collections.abc import Iterator

import pytest
import structlog


@pytest.fixture(autouse=True)
def fresh_logging() -> Iterator[None]:
    """A command's logging writes to that test's standard error, which is closed afterwards."""
    yield
    structlog.reset_defaults()
