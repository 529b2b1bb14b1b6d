"""`worklist`, `show`, `acknowledge`, `feedback`, `withdraw`: what a reader asks for and says."""

from typing import Annotated

import typer

from pipeline.codes import FeedbackComment, FeedbackVerdict
from worker.cli.screening import DatabaseOption, FormatOption
from worker.cli.show.rendering import Format

StudyArgument = Annotated[
    str,
    typer.Argument(
        metavar="UID", help="Study Instance UID or its last digits, or accession number."
    ),
]

ByOption = Annotated[str, typer.Option("--by", help="Who says so, as the site names its staff.")]


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

    entries = read_plain_worklist(database or read_database_url(), limit)
    if entries is None:
        from db.connection.engine import read_session
        from db.worklist.view import read_worklist
        from worker.screening.assembly import open_worklist
        from worker.startup import start

        settings = start(database)
        with read_session(open_worklist(settings.database_url)) as session:
            entries = read_worklist(session, limit=limit)
    print_worklist(entries, SystemClock().now(), output, len(entries))


def show(
    uid: StudyArgument, database: DatabaseOption = None, output: FormatOption = Format.TABLE
) -> None:
    """Print one study's whole history: every file, every screening, every event."""
    from db.connection.engine import read_session
    from db.worklist.history import find_study
    from worker.cli.show.study import print_study
    from worker.screening.assembly import open_worklist
    from worker.startup import start

    settings = start(database)
    with read_session(open_worklist(settings.database_url)) as session:
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
    from db.worklist.history import find_study
    from worker.clock import SystemClock
    from worker.screening.assembly import open_worklist
    from worker.startup import start

    settings = start(database)
    with write_session(open_worklist(settings.database_url)) as session:
        study = find_study(session, uid).entry.study_instance_uid
        acknowledge_study(session, study, by, SystemClock().now())
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
    from db.worklist.history import find_study
    from worker.clock import SystemClock
    from worker.screening.assembly import open_worklist
    from worker.startup import start

    settings = start(database)
    with write_session(open_worklist(settings.database_url)) as session:
        study = find_study(session, uid).entry.study_instance_uid
        now = SystemClock().now()
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
    from worker.clock import SystemClock
    from worker.screening.assembly import open_worklist
    from worker.startup import start

    settings = start(database)
    with write_session(open_worklist(settings.database_url)) as session:
        withdraw_instance(session, sha256, by, SystemClock().now())
    typer.echo(f"withdrawn by {by}: {sha256}")
