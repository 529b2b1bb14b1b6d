"""Where the database is, by the environment: the one setting that the lightest commands need.

Apart from `worker.settings`, which reads all of them, no other module looks at the environment.
"""

import os
from typing import Final

from platformdirs import user_data_path

ENVIRONMENT_PREFIX: Final = "PNEUMOSCREEN_"
_DATABASE_URL: Final = ENVIRONMENT_PREFIX + "DATABASE_URL"


def default_database_url() -> str:
    """Give the URL of a SQLite file in the user's data folder."""
    return f"sqlite:///{user_data_path('pneumoscreen') / 'pneumoscreen.db'}"


def read_database_url() -> str:
    """Give the URL that is set, in any case of letters, or the default."""
    found = {name.upper(): value for name, value in os.environ.items()}
    return found.get(_DATABASE_URL) or default_database_url()
