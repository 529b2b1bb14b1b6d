"""Times how an archive of a given size is marked for reprocessing by a new release.

``python -m benchmarks.reprocessing --sizes 100000 1000000`` makes a database of its own on the
PostgreSQL server (as a superuser; a million instances take 2 GB), and drops it. A step marks 500
instances. Printed are the time of all steps, and of the last one: once continued from the step
before, and once searched from the first instance.
"""

import argparse
import time
from typing import Final

from sqlalchemy import Engine, text

from benchmarks.database.fill import fill
from benchmarks.database.servers import LOCAL_SERVER, fresh_database
from db.connection.engine import open_database, write_session
from db.work.reprocessing import Selection, mark_for_reprocessing
from worker.clock import SystemClock
from worker.hints import NoHints
from worker.screening.reprocess import requeue

_STEP: Final = 500
_REPEATED: Final = 5
# Screens all that was marked, as workers would, except for the last step.
_SCREENED: Final = """
INSERT INTO screening (instance_id, model_release_id, preprocessing_version, engine, priority,
    screened_at)
SELECT instance_id, 2, 1, 'none', 'ROUTINE', now() FROM instance WHERE instance_id <= :last;
UPDATE instance SET state = 'SCREENED', claimable_at = NULL
"""


def measure(engine: Engine, instances: int) -> str:
    """Mark everything once, then repeat the last step."""
    clock = SystemClock()
    with write_session(engine) as session:
        session.execute(
            text("INSERT INTO model_release VALUES (2, 'new', 'none', '', 1, '{}')"),
        )
    start_s = time.perf_counter()
    if requeue(engine, Selection("new"), clock, NoHints()) != instances:
        raise AssertionError("not everything was marked")
    walk_s = time.perf_counter() - start_s
    last = instances - _STEP
    with write_session(engine) as session:
        for statement in _SCREENED.split(";"):
            session.execute(text(statement), {"last": last} if ":last" in statement else {})
    with engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        connection.execute(text("VACUUM ANALYZE"))
    remembered_ms, from_first_ms = (_time_step_ms(engine, after) for after in (last, 0))
    return (
        f"{instances} instances: {walk_s:.1f} s, {instances / walk_s:.0f} a second; the last step "
        f"{remembered_ms:.0f} ms, from the first instance {from_first_ms:.0f} ms"
    )


def _time_step_ms(engine: Engine, after: int) -> float:
    """Give the median time of a step, which is rolled back."""
    taken_ms = []
    for _ in range(_REPEATED):
        with write_session(engine) as session:
            start_s = time.perf_counter()
            marked = mark_for_reprocessing(
                session, Selection("new"), now=SystemClock().now(), limit=_STEP, after=after
            )
            taken_ms.append((time.perf_counter() - start_s) * 1000)
            if marked.instances != _STEP:
                raise AssertionError(f"{marked.instances} marked")
            session.rollback()
    return sorted(taken_ms)[_REPEATED // 2]


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default=LOCAL_SERVER)
    parser.add_argument("--sizes", type=int, nargs="+", default=[100_000])
    arguments = parser.parse_args()
    for instances in arguments.sizes:
        with fresh_database(arguments.server) as url:
            engine = open_database(url)
            try:
                fill(engine, 1, instances)
                print(measure(engine, instances), flush=True)  # noqa: T201 - its output
            finally:
                engine.dispose()


if __name__ == "__main__":
    main()
