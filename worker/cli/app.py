"""The `pneumoscreen` command: its sub-commands, and how errors leave the process."""

import errno
import io
import os
import sys
from importlib.metadata import version
from typing import Annotated, Final, Never

import typer

from pipeline.errors import PneumoscreenError
from worker.cli import administration, screening, service, worklist

_NO_ROOM: Final = frozenset({errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EIO})

app = typer.Typer(
    name="pneumoscreen",
    help="Screens chest radiographs of children for pneumonia and orders the reading worklist. "
    "A triage aid for research: a radiologist reads every study.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)
database = typer.Typer(help="Migrations, and what is stuck, lost or inconsistent.")

app.command()(screening.screen)
app.command()(screening.watch)
app.command()(screening.demo)
app.command()(service.worker)
app.command()(service.beat)
app.command()(service.sweep)
app.command()(service.reprocess)
app.command()(service.health)
app.command()(worklist.worklist)
app.command()(worklist.show)
app.command()(worklist.acknowledge)
app.command()(worklist.feedback)
app.command()(worklist.withdraw)
app.command()(administration.doctor)
database.command()(administration.upgrade)
database.command()(administration.check)
database.command()(administration.archive)
app.add_typer(database, name="db", no_args_is_help=True)


def _print_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"pneumoscreen {version('pneumoscreen')}")
        raise typer.Exit


@app.callback()
def configure(
    _version: Annotated[
        bool,
        typer.Option("--version", callback=_print_version, is_eager=True, help="Show the version."),
    ] = False,
) -> None:
    """Nothing is shared between the commands but the version."""


def main() -> Never:
    """Run a command.

    Exit codes: 0 the run did its work, whatever the files were; 1 the system could not do its
    work, said in one line that names the mend; 2 usage; 130 interrupted.
    """
    # A file name may be any bytes; printing one must not end the run.
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    try:
        app()
    except PneumoscreenError as error:
        sys.stderr.write(f"pneumoscreen: {error}\n")
        sys.exit(1)
    except KeyboardInterrupt:
        sys.stderr.write("pneumoscreen: interrupted; what was recorded stays, run again to go on\n")
        sys.exit(130)
    except BrokenPipeError:  # the reader of our output (head, less) left
        _drop_output()
        sys.exit(0)
    except OSError as error:
        # A stream's write names no file; what is written to files says itself what went wrong.
        if error.filename is not None or error.errno not in _NO_ROOM:
            raise
        _drop_output()
        sys.stderr.write(
            f"pneumoscreen: the output cannot be written: {error.strerror}; make room, or send it "
            "elsewhere\n"
        )
        sys.exit(1)
    sys.exit(0)


def _drop_output() -> None:
    """Send what is still in the buffer nowhere: Python would complain once more at exit."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
