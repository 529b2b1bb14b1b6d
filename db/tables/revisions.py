"""The schema's revisions that this version knows, by name. Imports nothing large.

Each is a file in `db/tables/migrations/versions`, named ``rNNNN_what.py``.
"""

from pathlib import Path
from typing import Final

_VERSIONS: Final = Path(__file__).parent / "migrations" / "versions"

REVISIONS: Final = tuple(sorted(file.name[1:5] for file in _VERSIONS.glob("r[0-9]*.py")))
"""The first one first."""
