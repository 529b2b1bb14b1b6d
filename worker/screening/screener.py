"""The walk from a claimed row to a recorded result: claim, read, classify, record.

Reader processes read the next batch while the classifier works on this one; an urgent batch
overtakes a backfill batch that was read ahead. This module must not know how hints travel: the work
loop and a Celery task call the same `step`.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from threading import Event
from typing import Final

import structlog
from sqlalchemy import Engine

from db.connection.engine import read_session, write_session
from db.work.claims import (
    LANES_IN_ORDER,
    Claim,
    claim_batch,
    release_claims,
    renew_leases,
    seconds_until_next_claim,
)
from db.work.recording import Deferred, Outcome, Rejected, Screened, record_outcomes
from pipeline.codes import Lane, ReasonCode
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.release import ModelRelease
from pipeline.triage import TriagePolicy, priority_of
from pipeline.values.instance import Rejection
from pipeline.values.screening import Screening
from worker.clock import Clock
from worker.readers.pool import ReaderDeath, ReaderPool
from worker.screening.batch import (
    Classified,
    Classifier,
    FileRead,
    classify_batch,
    start_reading,
)

_LONGEST_PAUSE_S: Final = 5.0
_log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class ScreenerPolicy:
    """How the walk behaves: what is eligible, how much at once, how often a file is retried."""

    eligibility: EligibilityPolicy
    batch_size: int
    lease: timedelta
    maximum_attempts: int
    retry_delay: timedelta = timedelta(seconds=1)
    maximum_lost_workers: int = 10


@dataclass(frozen=True, slots=True)
class _Batch:
    """Claims of one lane, and their files being read."""

    lane: Lane
    claims: Sequence[Claim]
    files: Sequence[FileRead]


class Screener:
    """Screens claimable rows, a batch at each step.

    Parameters
    ----------
    network
        Gives the loaded network; asked for with the first radiograph that is ready for it, so
        that it can load while files are being registered.
    """

    def __init__(
        self,
        *,
        engine: Engine,
        readers: ReaderPool,
        network: Callable[[], Classifier],
        release: ModelRelease,
        policy: ScreenerPolicy,
        clock: Clock,
    ) -> None:
        self._engine = engine
        self._readers = readers
        self._network = network
        self._release = release
        self._triage = TriagePolicy(release.operating_points)
        self._policy = policy
        self._clock = clock
        # Batches that are being read, at most one a lane, the next one to classify first.
        self._ahead: list[_Batch] = []
        self._leases_renewed_s = clock.monotonic_s()

    def step(self) -> int:
        """Claim, read, classify and record one batch; give the number of rows in it.

        Rows that another worker took over meanwhile count too: their outcomes are refused. Zero
        means that nothing could be claimed now: see `seconds_until_work`.
        """
        self._read_ahead(holding=bool(self._ahead))
        if not self._ahead:
            return 0
        batch = self._ahead.pop(0)
        self._read_ahead(holding=True)
        outcomes = self._outcomes(batch)
        with write_session(self._engine) as session:
            recorded = record_outcomes(session, outcomes, self._clock.now())
        _log.info("batch_recorded", claimed=len(batch.claims), recorded=recorded)
        return len(batch.claims)

    def seconds_until_work(self) -> float | None:
        """Give the time until something may be claimable, or None when all rows are terminal."""
        with read_session(self._engine) as session:
            return seconds_until_next_claim(session, self._clock.now())

    def run_until_idle(
        self, stop: Event, on_screened: Callable[[int], None] = lambda _count: None
    ) -> None:
        """Step until every row is terminal, waiting for retries and other workers' leases."""
        while not stop.is_set():
            if rows := self.step():
                on_screened(rows)
                continue
            pause_s = self.seconds_until_work()
            if pause_s is None:
                return
            self._clock.wait(stop, min(pause_s, _LONGEST_PAUSE_S))

    def hand_back(self) -> None:
        """Give back what was claimed ahead, so that a clean stop delays no study."""
        claims = [claim for batch in self._ahead for claim in batch.claims]
        self._ahead = []
        if claims:
            with write_session(self._engine) as session:
                release_claims(session, claims, self._clock.now())

    def _read_ahead(self, *, holding: bool) -> None:
        """Claim a batch and begin to read it, unless one as urgent is being read already.

        A backfill batch is read ahead only where nothing urgent waits, and an urgent one that
        comes then goes before it: a live study waits for the batch in the classifier, no other.
        """
        lanes: Sequence[Lane] = LANES_IN_ORDER
        if self._ahead:
            lanes = lanes[: lanes.index(self._ahead[0].lane)]
        if not lanes:
            return
        with write_session(self._engine) as session:
            claims = claim_batch(
                session,
                limit=self._policy.batch_size,
                lease=self._policy.lease,
                now=self._clock.now(),
                lanes=lanes,
                holding=holding,
            )
        if claims:
            files = [self._start_reading(claim) for claim in claims]
            self._ahead.insert(0, _Batch(claims[0].lane, claims, files))

    def _start_reading(self, claim: Claim) -> FileRead:
        """Begin to read a file, unless it has cost too many workers.

        The first worker that was lost may have been lost to another file of the batch; at every
        later attempt the file was alone. But workers die of other things too: of 50 that were
        killed at random, four in a row had the same file.
        """
        lost = claim.attempts - 1
        if lost < self._policy.maximum_lost_workers:
            (file,) = start_reading(
                self._readers,
                [(claim.path, claim.sha256)],
                self._policy.eligibility,
                self._release.preprocessing,
            )
            return file
        detail = (
            f"{lost} attempts ended without a result, {lost - 1} of them at this file alone: it "
            "may kill the worker; see the workers' logs, then `reprocess --status QUARANTINED`"
        )
        not_read: FileRead = Future()
        not_read.set_result(Rejection(ReasonCode.WORKER_LOST, detail))
        return not_read

    def _outcomes(self, batch: _Batch) -> list[Outcome]:
        held = [claim for each in (batch, *self._ahead) for claim in each.claims]
        # One file may take longer than the lease: a reader that has to be started again, say.
        found = classify_batch(
            self._readers,
            batch.files,
            self._network,
            while_reading=lambda: self._keep_leases(held),
            every_s=self._policy.lease.total_seconds() / 4,
        )
        now = self._clock.now()
        return [
            self._outcome(claim, each, now) for claim, each in zip(batch.claims, found, strict=True)
        ]

    def _outcome(
        self, claim: Claim, found: Classified | Rejection | ReaderDeath, now: datetime
    ) -> Outcome:
        match found:
            case Classified():
                finding = self._triage.judge(found.probability)
                screening = Screening(
                    claim.sha256, (finding,), self._release.name, found.engine, now
                )
                priority = priority_of(finding.band)
                return Screened(claim, found.instance, screening, priority, found.flags)
            case Rejection():
                return Rejected(claim, found)
            case ReaderDeath(rejection):
                return self._after_death(claim, rejection, now)

    def _after_death(self, claim: Claim, rejection: Rejection, now: datetime) -> Outcome:
        """Retry a file that killed its reader, until its attempts are spent.

        A reader holds one file at a time, so a crash is always this file's own.
        """
        _log.warning(
            "reader_lost",
            sop_instance_uid=claim.sop_instance_uid,
            attempt=claim.attempts,
            reason_code=rejection.reason_code,
        )
        if claim.attempts >= self._policy.maximum_attempts:
            detail = f"{rejection.detail}, in each of {claim.attempts} attempts"
            return Rejected(claim, replace(rejection, detail=detail))
        delay = self._policy.retry_delay * 2 ** (claim.attempts - 1)
        return Deferred(claim, rejection, now + delay)

    def _keep_leases(self, claims: Sequence[Claim]) -> None:
        """Renew leases while slow files are read, so that no other worker takes the batch over."""
        now_s = self._clock.monotonic_s()
        if now_s - self._leases_renewed_s < self._policy.lease.total_seconds() / 3:
            return
        self._leases_renewed_s = now_s
        with write_session(self._engine) as session:
            renew_leases(session, claims, lease=self._policy.lease, now=self._clock.now())
