"""What every command does first: read the settings, set up logging."""

from worker.logs import configure_logging
from worker.settings import Settings, load_settings


def start(database: str | None = None) -> Settings:
    """Give the settings, with the database that the command line names in place of theirs."""
    settings = load_settings()
    configure_logging(settings.log_level, settings.log_format)
    if database is None:
        return settings
    return settings.model_copy(update={"database_url": database})
