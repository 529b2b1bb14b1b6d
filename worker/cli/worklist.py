"""`worklist`, `show`, `acknowledge`, `feedback`, `withdraw`: the commands of those who read."""

from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.codes import FeedbackComment, FeedbackVerdict
from worker.cli.options import ByOption, DatabaseOption, FormatOption, StudyArgument
from worker.cli.show.rendering import Format

if TYPE_CHECKING:
    from sqlalchemy.orm import Session


def worklist(
    database: DatabaseOption = None,
    output: FormatOption = Format.TABLE,
    limit: Annotated[int, typer.Option("--limit", min=1, help="Number of studies.")] = 50,
) -> None:
    """Print what to read next, the most urgent study first."""
    from db.worklist.plain_view import read_plain_worklist
    from worker.cli.show.worklist import print_worklist
    from worker.clock import SystemClock
    from worker.environment import read_database_url

    # The database's time would cost the import of SQLAlchemy (0.5 s). Minutes of waiting are
    # shown, so that a clock a few seconds off makes no difference.
    now = SystemClock().now()
    entries = read_plain_worklist(database or read_database_url(), limit)
    if entries is None:
        from db.connection.engine import read_session
        from db.worklist.view import read_worklist
        from worker.database import open_database
        from worker.startup import start

        settings = start(database)
        with open_database(settings.database_url) as opened, read_session(opened.engine) as session:
            entries, now = read_worklist(session, limit=limit), opened.clock.now()
    print_worklist(entries, now, output, len(entries))


def show(
    uid: StudyArgument, database: DatabaseOption = None, output: FormatOption = Format.TABLE
) -> None:
    """Print one study's whole history: every file, every screening, every event."""
    from db.connection.engine import read_session
    from db.worklist.history import find_study
    from worker.cli.show.study import print_study
    from worker.database import open_database
    from worker.startup import start

    settings = start(database)
    with open_database(settings.database_url) as opened, read_session(opened.engine) as session:
        history = find_study(session, uid)
    print_study(history, output)


def acknowledge(
    uid: StudyArgument,
    by: ByOption,
    database: DatabaseOption = None,
) -> None:
    """Mark a study as seen: it moves to the end of the worklist."""
    from db.connection.engine import write_session
    from db.worklist.acknowledgements import acknowledge_study
    from worker.database import open_database
    from worker.startup import start

    settings = start(database)
    with open_database(settings.database_url) as opened, write_session(opened.engine) as session:
        study = _find_uid(session, uid)
        acknowledge_study(session, study, by, opened.clock.now())
    typer.echo(f"acknowledged by {by}: {study}")


def feedback(
    uid: StudyArgument,
    verdict: Annotated[FeedbackVerdict, typer.Argument(help="Of what the worklist says of it.")],
    by: ByOption,
    because: Annotated[
        FeedbackComment | None, typer.Option("--because", help="In a word that can be counted.")
    ] = None,
    database: DatabaseOption = None,
) -> None:
    """Say whether a reader agrees with a study's result; every verdict is kept."""
    from db.connection.engine import write_session
    from db.worklist.feedback import give_feedback
    from worker.database import open_database
    from worker.startup import start

    settings = start(database)
    with open_database(settings.database_url) as opened, write_session(opened.engine) as session:
        study = _find_uid(session, uid)
        now = opened.clock.now()
        give_feedback(session, study, verdict, by=by, now=now, comment_code=because)
    typer.echo(f"{verdict} by {by}: {study}")


def withdraw(
    sha256: Annotated[str, typer.Argument(help="Digest of the instance, as `show` gives it.")],
    by: ByOption,
    database: DatabaseOption = None,
) -> None:
    """Judge a study without one of its instances from now on; nothing is deleted."""
    from db.connection.engine import write_session
    from db.worklist.withdrawals import withdraw_instance
    from worker.database import open_database
    from worker.startup import start

    settings = start(database)
    with open_database(settings.database_url) as opened, write_session(opened.engine) as session:
        withdraw_instance(session, sha256, by, opened.clock.now())
    typer.echo(f"withdrawn by {by}: {sha256}")


def _find_uid(session: "Session", name: str) -> str:
    """Give the Study Instance UID of the one study that goes by a name."""
    from db.studies.lookup import StudyNotFoundError, resolve_study

    study = resolve_study(session, name)
    if study is None:
        raise StudyNotFoundError(
            f"no study has the UID or accession number {name}; "
            "`pneumoscreen worklist` lists what there is"
        )
    return study.study_instance_uid
