"""`doctor`, `db upgrade`, `db check`, `db archive`: what an imaging engineer runs."""

from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from worker.cli.options import DatabaseOption, FormatOption
from worker.cli.show.rendering import Format


def doctor(database: DatabaseOption = None, output: FormatOption = Format.TABLE) -> None:
    """Check model, database, broker, GPU, codecs and folders: what works, and what to do."""
    from worker.cli.doctor import examine
    from worker.cli.show.doctor import print_examination
    from worker.startup import start

    checkups = examine(start(database))
    print_examination(checkups, output)
    if any(checkup.is_fatal for checkup in checkups):
        raise typer.Exit(1)


def upgrade(database: DatabaseOption = None) -> None:
    """Bring the database to this version's schema; does nothing where it has it already."""
    from db.connection.engine import open_database
    from db.upkeep.upgrade import let_roles_log_in, upgrade_schema
    from worker.startup import start

    settings = start(database)
    passwords = {
        "pneumoscreen_service": settings.service_password,
        "worklist_reader": settings.reader_password,
    }
    engine = open_database(settings.database_url)
    revision = upgrade_schema(engine)
    let_roles_log_in(engine, {k: v.get_secret_value() for k, v in passwords.items() if v})
    typer.echo(f"the schema is at revision {revision}")


def check(database: DatabaseOption = None, output: FormatOption = Format.TABLE) -> None:
    """Look for rows that are stuck, lost or inconsistent, and say what to do."""
    from db.connection.engine import read_session
    from db.upkeep.checks import check_database
    from worker.cli.show.summaries import print_problems
    from worker.database import open_database
    from worker.startup import start

    settings = start(database)
    with open_database(settings.database_url) as opened, read_session(opened.engine) as session:
        problems = check_database(session, opened.clock.now())
    print_problems(problems, output)


def archive(
    folder: Annotated[Path, typer.Argument(help="Where events-FIRST-LAST.jsonl.gz files go.")],
    before: Annotated[datetime, typer.Option("--before", help="Events older than this, UTC.")],
    database: DatabaseOption = None,
) -> None:
    """Move old events out of the database into files; what stands of a study stays."""
    from db.upkeep.retention import archive_events
    from worker.database import open_database
    from worker.startup import start

    settings = start(database)
    with open_database(settings.database_url) as opened:
        archived = archive_events(opened.engine, before.replace(tzinfo=UTC), folder)
    typer.echo(f"{archived} events archived in {folder}")
