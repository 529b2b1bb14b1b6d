"""The schema's revisions that this version knows, by name. Imports nothing."""

from typing import Final

# Every revision of db/tables/migrations, the first one first.
REVISIONS: Final = ("0001", "0002", "0003")
