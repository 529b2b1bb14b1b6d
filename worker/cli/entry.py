"""Where the installed command begins. Imports nothing by itself.

Each reader process imports the program that started it once more (the spawn method does that), but
has no use for its commands.
"""

from typing import Never


def main() -> Never:
    """Run a command."""
    from worker.cli.app import main as run

    run()
