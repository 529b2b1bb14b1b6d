"""The walk from a claimed row to a recorded result: claim, read, classify, record.

Readers prepare the next batch while the classifier works on this one; what is urgent overtakes
a backfill batch that is prepared already. This module must not know how hints travel: the embedded
watcher and a Celery task both call the same `step`.
"""

from collections.abc import Callable, Sequence
from concurrent.futures import Future, wait
from dataclasses import dataclass, replace
from datetime import timedelta
from threading import Event
from typing import Final, Protocol

import numpy as np
import structlog
from numpy.typing import NDArray
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
from db.work.releases import register_release
from pipeline.codes import ReasonCode
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.release import ModelRelease
from pipeline.triage import TriagePolicy, priority_of
from pipeline.values.instance import Instance, Rejection
from pipeline.values.radiograph import ModelInput
from pipeline.values.reading import Reading
from pipeline.values.screening import Screening
from worker.clock import Clock
from worker.readers.pool import ReaderDeath, ReaderPool

_LONGEST_PAUSE_S: Final = 5.0
_log = structlog.get_logger()


class Classifier(Protocol):
    """What the screener needs of a network: calibrated probabilities for prepared pixels."""

    @property
    def engine(self) -> str:
        """What runs the network, recorded with each screening."""
        ...

    def warm_up(self, batch_size: int) -> None:
        """Run every batch shape up to ``batch_size`` once."""
        ...

    def classify(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        """Score (n, size, size) float32 in [0, 1]; gives (n,) probabilities in [0, 1]."""
        ...


@dataclass(frozen=True, slots=True)
class ScreenerPolicy:
    """How the walk behaves: what is eligible, how much at once, how often a file is retried."""

    eligibility: EligibilityPolicy
    batch_size: int
    lease: timedelta
    maximum_attempts: int
    retry_delay: timedelta = timedelta(seconds=1)
    maximum_lost_workers: int = 10


# Claims of one lane, and their files being read.
_UnderWay = list[tuple[Claim, "Future[Reading | Rejection]"]]


class Screener:
    """Works off claimable rows, a batch at each step.

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
        # Batches that are being read, at most one a lane, in the order of their turns.
        self._ahead: list[_UnderWay] = []
        self._leases_renewed_s = clock.monotonic_s()
        with write_session(engine) as session:
            register_release(session, release)

    def step(self) -> int:
        """Claim, read, classify and record one batch; give the number of rows recorded.

        Zero means that nothing could be claimed now: see `seconds_until_work`.
        """
        self._read_ahead(holding=bool(self._ahead))
        if not self._ahead:
            return 0
        batch = self._ahead.pop(0)
        self._read_ahead(holding=True)
        outcomes = self._outcomes(batch)
        with write_session(self._engine) as session:
            recorded = record_outcomes(session, outcomes, self._clock.now())
        _log.info("batch_recorded", claimed=len(batch), recorded=recorded)
        return len(batch)

    def seconds_until_work(self) -> float | None:
        """Give the time until something may be claimable, or None when all rows are terminal."""
        with read_session(self._engine) as session:
            return seconds_until_next_claim(session, self._clock.now())

    def run_until_idle(
        self, stop: Event, on_recorded: Callable[[int], None] = lambda _count: None
    ) -> None:
        """Step until every row is terminal, waiting out retries and other workers' leases."""
        while not stop.is_set():
            if recorded := self.step():
                on_recorded(recorded)
                continue
            pause_s = self.seconds_until_work()
            if pause_s is None:
                return
            self._clock.wait(stop, min(pause_s, _LONGEST_PAUSE_S))

    def hand_back(self) -> None:
        """Give back what was claimed ahead, so that a clean stop delays no study."""
        claims = [claim for batch in self._ahead for claim, _ in batch]
        self._ahead = []
        if claims:
            with write_session(self._engine) as session:
                release_claims(session, claims, self._clock.now())

    def _read_ahead(self, *, holding: bool) -> None:
        """Claim a batch and begin to read it, unless one as urgent is being read already.

        A backfill batch is read ahead only where nothing urgent waits, and an urgent one that
        comes then goes before it: a live study waits for the batch in the classifier, no other.
        """
        first = self._ahead[0][0][0].lane if self._ahead else None
        lanes = LANES_IN_ORDER[: None if first is None else LANES_IN_ORDER.index(first)]
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
            self._ahead.insert(0, [(claim, self._begin(claim)) for claim in claims])

    def _begin(self, claim: Claim) -> "Future[Reading | Rejection]":
        """Begin to read a file, unless it has cost too many workers.

        The first worker that was lost may have been lost to a neighbour in the batch; at every
        other the file was alone. But workers die of other things too: of 50 that were killed
        at random, four in a row had the same file.
        """
        lost = claim.attempts - 1
        if lost < self._policy.maximum_lost_workers:
            return self._readers.start_reading(
                claim.path, claim.sha256, self._policy.eligibility, self._release.preprocessing
            )
        detail = (
            f"{lost} attempts ended without a result, {lost - 1} of them at this file alone: it "
            "may kill the worker; see the workers' logs, then `reprocess --status QUARANTINED`"
        )
        given_up: Future[Reading | Rejection] = Future()
        given_up.set_result(Rejection(ReasonCode.WORKER_LOST, detail))
        return given_up

    def _outcomes(self, batch: _UnderWay) -> list[Outcome]:
        outcomes: list[Outcome] = []
        readable: list[tuple[Claim, Instance, ModelInput]] = []
        claims = [claim for each in (batch, *self._ahead) for claim, _ in each]
        for claim, future in batch:
            # One file may take longer than the lease: a reader that has to be started again, say.
            while not wait([future], self._policy.lease.total_seconds() / 4).done:
                self._keep_leases(claims)
            match self._readers.finish(future):
                case Reading(model_input=None, rejection=Rejection() as rejection):
                    outcomes.append(Rejected(claim, rejection))
                case Reading(instance=instance, model_input=ModelInput() as model_input):
                    readable.append((claim, instance, model_input))
                case Rejection() as rejection:
                    outcomes.append(Rejected(claim, rejection))
                case ReaderDeath(rejection):
                    outcomes.append(self._after_death(claim, rejection))
            self._keep_leases(claims)
        if readable:
            outcomes += self._screened(readable)
        return outcomes

    def _screened(self, readable: Sequence[tuple[Claim, Instance, ModelInput]]) -> list[Outcome]:
        classifier = self._network()
        pixels = np.stack([model_input.pixels for _, _, model_input in readable])
        probabilities = classifier.classify(pixels)
        now = self._clock.now()
        outcomes: list[Outcome] = []
        for (claim, instance, seen), probability in zip(readable, probabilities, strict=True):
            finding = self._triage.judge(float(probability))
            screening = Screening(
                claim.sha256, (finding,), self._release.name, classifier.engine, now
            )
            priority = priority_of(finding.band)
            outcomes.append(Screened(claim, instance, screening, priority, seen.flags))
        return outcomes

    def _after_death(self, claim: Claim, rejection: Rejection) -> Outcome:
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
        return Deferred(claim, rejection, self._clock.now() + delay)

    def _keep_leases(self, claims: Sequence[Claim]) -> None:
        """Renew leases while slow files are read, so that no other worker takes the batch over."""
        now_s = self._clock.monotonic_s()
        if now_s - self._leases_renewed_s < self._policy.lease.total_seconds() / 3:
            return
        self._leases_renewed_s = now_s
        with write_session(self._engine) as session:
            renew_leases(session, claims, lease=self._policy.lease, now=self._clock.now())
