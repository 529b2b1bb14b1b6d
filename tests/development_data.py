"""Where the development data are: real radiographs, which only some machines have."""

import os
from pathlib import Path

import pytest

# Resolved, as the product's reports are: the folder may be a link.
DATA = Path(
    os.environ.get(
        "PNEUMOSCREEN_TEST_DATA", Path(__file__).parents[1].resolve().parent / "shared" / "data"
    )
).resolve()


def skip_without(*part: str) -> pytest.MarkDecorator:
    """Skip tests that need a part of the development data where it is not at hand."""
    return pytest.mark.skipif(
        not DATA.joinpath(*part).exists(), reason="no development data (PNEUMOSCREEN_TEST_DATA)"
    )
