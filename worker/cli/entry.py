"""Where the installed command begins and ends. Imports nothing large by itself.

Each reader process imports the program that started it once more (the spawn method does that), but
has no use for its commands.
"""

import atexit
import os
import sys
from typing import NoReturn


def main() -> NoReturn:
    """Run a command, and leave at once when it has done its work."""
    from worker.cli.app import main as run

    try:
        run()
    except SystemExit as left:
        leave(left.code if isinstance(left.code, int) else int(left.code is not None))


def leave(status: int) -> NoReturn:
    """End this process without taking its modules apart, which takes TensorFlow a second.

    Everything is committed and closed by then; what was registered for the exit is still done.
    """
    atexit._run_exitfuncs()  # noqa: SLF001 - there is no public name for it
    try:
        sys.stdout.flush()
    except BrokenPipeError:  # its reader has left, which `run` takes for a normal end
        pass
    except OSError as error:
        sys.stderr.write(f"pneumoscreen: the output cannot be written: {error.strerror}\n")
        status = status or 1
    sys.stderr.flush()
    os._exit(status)
