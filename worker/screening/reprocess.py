"""Reprocessing: sends what the current release has not screened back to the workers, by night.

The workers screen it as any other file, in the backfill lane. This module must not know how a
screening is made.
"""

from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta
from typing import Final

import structlog
from sqlalchemy import Engine

from db.connection.engine import read_session, write_session
from db.work.backlog import count_due
from db.work.jobs import advance_job, begin_job, latest_due, lock_running_job
from db.work.reprocessing import Selection, count_to_reprocess, mark_for_reprocessing
from pipeline.codes import Lane
from worker.clock import Clock
from worker.hints import Hints

JOB: Final = "reprocess"
_ROWS_A_TRANSACTION: Final = 500
_log = structlog.get_logger()


def requeue(
    engine: Engine,
    selection: Selection,
    clock: Clock,
    hints: Hints,
    on_requeued: Callable[[int], None] = lambda _count: None,
) -> int:
    """Send everything selected back to the workers now; give the number.

    Raises
    ------
    DatabaseError
        If the database cannot be written. What was sent back until then stays so.
    """
    total = after = 0
    while True:
        with write_session(engine) as session:
            marked = mark_for_reprocessing(
                session, selection, now=clock.now(), limit=_ROWS_A_TRANSACTION, after=after
            )
        if marked.instances:
            hints.send(Lane.BACKFILL, marked.instances)
            on_requeued(marked.instances)
            total += marked.instances
            after = marked.last_id
        elif after:
            after = 0  # once more from the start, for what another transaction held
        else:
            return total


class Nightly:
    """One run a night, in small steps, by whichever process takes them; it may stop anywhere.

    Parameters
    ----------
    release
        What everything is to have been screened by.
    at
        When a night's run is due, UTC.
    backlog
        So many rows may wait in the backfill lane at once: the run goes as fast as the workers.
    """

    def __init__(
        self, engine: Engine, hints: Hints, clock: Clock, *, release: str, at: time, backlog: int
    ) -> None:
        self._engine = engine
        self._hints = hints
        self._clock = clock
        self._selection = Selection(release)
        self._at = at
        self._backlog = backlog
        # How far this process has walked through which run. Another scheduler, or this one after
        # a restart, walks from the start and finds what is left.
        self._run_id: int | None = None
        self._after = 0

    def tick(self) -> None:
        """Begin the night's run if it is due, and take one that is under way a step on.

        A run is due once a night, and never for a night before one that was begun: clocks that
        are set back, or several schedulers, make no second run.

        Raises
        ------
        DatabaseError
            If the database cannot be used.
        """
        now = self._clock.now()
        due = latest_night(now, self._at)
        with read_session(self._engine) as session:
            latest = latest_due(session, JOB)
        if latest is None or latest < due:
            self._begin(due, now)
        self._advance()

    def _begin(self, due: str, now: datetime) -> None:
        with read_session(self._engine) as session:  # counting takes seconds in a large archive
            outdated = count_to_reprocess(session, self._selection)
        with write_session(self._engine) as session:
            is_ours = begin_job(session, JOB, due, now, outdated)
        if is_ours:
            _log.info("reprocessing_begun", due=due, outdated=outdated)

    def _advance(self) -> None:
        now = self._clock.now()
        with write_session(self._engine) as session:
            run = lock_running_job(session, JOB)
            if run is None:
                return
            if run.job_run_id != self._run_id:
                self._run_id, self._after = run.job_run_id, 0
            waiting = count_due(session, now, at_most=self._backlog)[Lane.BACKFILL]
            room = min(self._backlog - waiting, _ROWS_A_TRANSACTION)
            if room <= 0:
                return
            marked = mark_for_reprocessing(
                session, self._selection, now=now, limit=room, after=self._after
            )
            # Fewer than asked for: nothing is left behind the last one.
            advance_job(run, marked.instances, now, is_finished=marked.instances < room)
            sent, total = run.rows_done, run.rows_total
        # Only what is committed was walked through.
        self._after = marked.last_id
        if marked.instances:
            self._hints.send(Lane.BACKFILL, marked.instances)
            _log.info("reprocessing", sent=sent, of=total)


def latest_night(now: datetime, at: time) -> str:
    """Give the date of the latest night whose run was due by ``now``."""
    due = datetime.combine(now.astimezone(UTC).date(), at, UTC)
    return (due if due <= now else due - timedelta(days=1)).date().isoformat()
