"""Reprocessing: sends what the current release has not screened back to the workers, by night.

The workers do the same walk, in the backfill lane: nothing here screens. This module must not
know how a screening is made.
"""

import re
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime, time, timedelta
from typing import Final

import structlog
from sqlalchemy import Engine
from sqlalchemy.orm import Session

from db.connection.engine import read_session, write_session
from db.work.backlog import count_due
from db.work.job_progress import latest_due, lock_running_job
from db.work.jobs import begin_job, finish_job
from db.work.reprocessing import Marked, count_to_reprocess, mark_for_reprocessing
from pipeline.codes import InstanceState, JobStatus, Lane
from worker.clock import Clock
from worker.hints import Hints


@dataclass(frozen=True, slots=True)
class Selection:
    """Which instances are to be screened again: those that lack this release's screening.

    Attributes
    ----------
    since
        Registered then or later.
    site
        (0008,0080) Institution Name, or (0008,1010) Station Name.
    """

    release: str
    since: datetime | None = None
    states: frozenset[InstanceState] = frozenset({InstanceState.SCREENED})
    site: str | None = None

    def count(self, session: Session) -> int:
        """Count what is selected."""
        return count_to_reprocess(
            session, self.release, since=self.since, states=self.states, site=self.site
        )

    def mark(self, session: Session, now: datetime, limit: int, after: int) -> Marked:
        """Send at most so many back to the workers, of those behind an instance."""
        return mark_for_reprocessing(
            session,
            self.release,
            now=now,
            since=self.since,
            states=self.states,
            site=self.site,
            limit=limit,
            after=after,
        )


JOB: Final = "reprocess"
_PROGRESS: Final = re.compile(r"(\d+) of (\d+)")
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
            marked = selection.mark(session, clock.now(), _ROWS_A_TRANSACTION, after)
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
    """One run a night, in small steps, whoever takes them: it may stop and go on anywhere.

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
        """Begin the night's run if it is due, and take one that is under way a step further.

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
            outdated = self._selection.count(session)
        told = _Progress(0, outdated).told()
        with write_session(self._engine) as session:
            is_ours = begin_job(session, JOB, due, now, told) is not None
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
            marked = self._selection.mark(session, now, room, self._after)
            progress = _Progress.read(run.detail).further(marked.instances)
            run.detail = progress.told()
            if marked.instances < room:  # nothing is left behind the last one
                finish_job(session, run.job_run_id, JobStatus.SUCCEEDED, now, run.detail)
        # Only what is committed was walked through.
        self._after = marked.last_id
        if marked.instances:
            self._hints.send(Lane.BACKFILL, marked.instances)
            _log.info("reprocessing", sent=progress.sent, of=progress.of)


@dataclass(frozen=True, slots=True)
class _Progress:
    """How far a run is, as its row tells it."""

    sent: int
    of: int

    @classmethod
    def read(cls, detail: str | None) -> "_Progress":
        found = _PROGRESS.match(detail or "")
        return cls(int(found[1]), int(found[2])) if found else cls(0, 0)

    def further(self, rows: int) -> "_Progress":
        """Give the progress after so many rows more; some may have come since it was begun."""
        return _Progress(self.sent + rows, max(self.of, self.sent + rows))

    def told(self) -> str:
        return f"{self.sent} of {self.of} sent to the workers"


def latest_night(now: datetime, at: time) -> str:
    """Give the date of the latest night whose run was due by ``now``."""
    due = datetime.combine(now.astimezone(UTC).date(), at, UTC)
    return (due if due <= now else due - timedelta(days=1)).date().isoformat()
