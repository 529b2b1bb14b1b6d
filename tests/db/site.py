"""A small radiology department for tests: files arrive, a worker claims and screens them."""

import hashlib
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Engine, select
from sqlalchemy.orm import Session

from db.connection.engine import read_session, write_session
from db.instances.arrivals import Arrival, SourceFile
from db.instances.registration import register_arrivals
from db.instances.stored_instances import HEADER_NAMES
from db.tables.imaging import InstanceRow
from db.work.claims import Claim, claim_batch
from db.work.recording import Deferred, Rejected, Screened, record_outcomes
from db.work.releases import register_release
from db.worklist.acknowledgements import acknowledge_study
from db.worklist.entry import WorklistEntry
from db.worklist.view import read_worklist
from pipeline.codes import Flag, InstanceState, Lane, Priority, ReasonCode
from pipeline.release import ModelRelease
from pipeline.triage import TriagePolicy, priority_of
from pipeline.values.instance import Instance, Rejection
from pipeline.values.screening import Screening
from tests.releases import make_release

START = datetime(2026, 3, 1, 8, 0, tzinfo=UTC)
LEASE = timedelta(minutes=5)
RELEASE = make_release("2026.1", 0.2, 0.8)
POSITIVE, GREY, NEGATIVE = 0.9, 0.5, 0.1


def digest(content: str) -> str:
    return hashlib.sha256(content.encode()).hexdigest()


def make_instance(content: str = "1", study: str = "1", **attributes: Any) -> Instance:
    """An instance whose UIDs are told apart by its content and its study."""
    return Instance(
        **{
            "sha256": digest(content),
            "sop_instance_uid": f"1.2.3.{int(digest(content)[:8], 16)}",
            "series_instance_uid": f"1.2.2.{study}",
            "study_instance_uid": f"1.2.1.{study}",
            **attributes,
        }
    )


def make_arrival(content: str = "1", study: str = "1") -> Arrival:
    """An instance under a path of its own."""
    instance = make_instance(content, study)
    return Arrival(make_source(b"/inbox/" + instance.sha256.encode()), instance, None)


def make_source(path: bytes = b"/inbox/1.dcm", **seen: int) -> SourceFile:
    return SourceFile(path, **{"size": 1000, "mtime_ns": 1, "inode": 1, **seen})


class Site:
    """The department, on one database, with a clock that stands still until it is moved."""

    def __init__(self, engine: Engine, releases: Sequence[ModelRelease] = (RELEASE,)) -> None:
        self.engine = engine
        self.now = START
        with self.writing() as session:
            for release in releases:
                register_release(session, release)

    @contextmanager
    def writing(self) -> Iterator[Session]:
        with write_session(self.engine) as session:
            yield session

    @contextmanager
    def reading(self) -> Iterator[Session]:
        with read_session(self.engine) as session:
            yield session

    def wait(self, seconds: float = 1) -> None:
        self.now += timedelta(seconds=seconds)

    def receive(
        self,
        instance: Instance | None,
        path: bytes | None = None,
        reason: ReasonCode | None = None,
        lane: Lane = Lane.URGENT,
        **seen: int,
    ) -> Instance | None:
        if path is None:
            path = b"/inbox/" + (instance.sha256.encode() if instance else b"unreadable")
        rejection = Rejection(reason, f"for the test: {reason}") if reason else None
        with self.writing() as session:
            register_arrivals(
                session, [Arrival(make_source(path, **seen), instance, rejection)], self.now, lane
            )
        return instance

    def receive_many(self, instances: Sequence[Instance], lane: Lane = Lane.URGENT) -> None:
        with self.writing() as session:
            register_arrivals(
                session,
                [Arrival(make_source(b"/inbox/" + i.sha256.encode()), i, None) for i in instances],
                self.now,
                lane,
            )

    def claim(self, limit: int = 100) -> list[Claim]:
        with self.writing() as session:
            return claim_batch(session, limit=limit, lease=LEASE, now=self.now)

    def screened(
        self,
        claim: Claim,
        probability: float,
        release: ModelRelease = RELEASE,
        flags: frozenset[Flag] = frozenset(),
    ) -> Screened:
        finding = TriagePolicy(release.operating_points).judge(probability)
        screening = Screening(claim.sha256, (finding,), release.name, "tensorflow", self.now)
        with self.reading() as session:
            row = session.scalars(
                select(InstanceRow).where(InstanceRow.instance_id == claim.instance_id)
            ).one()
            header = {name: getattr(row, name) for name in HEADER_NAMES}
        instance = Instance(
            sha256=row.sha256,
            sop_instance_uid=row.sop_instance_uid,
            study_instance_uid="of no account: a content keeps its study",
            **header,
        )
        return Screened(claim, instance, screening, priority_of(finding.band), flags)

    def record(self, *outcomes: Screened | Rejected | Deferred) -> int:
        with self.writing() as session:
            return record_outcomes(session, outcomes, self.now)

    def screen(self, claim: Claim, probability: float, release: ModelRelease = RELEASE) -> int:
        return self.record(self.screened(claim, probability, release))

    def screen_all(self, probability: float, release: ModelRelease = RELEASE) -> None:
        for claim in self.claim():
            self.screen(claim, probability, release)

    def rejected(self, claim: Claim, reason: ReasonCode) -> Rejected:
        return Rejected(claim, Rejection(reason, f"for the test: {reason}"))

    def reject(self, claim: Claim, reason: ReasonCode) -> int:
        return self.record(self.rejected(claim, reason))

    def defer(self, claim: Claim, seconds: float) -> int:
        rejection = Rejection(ReasonCode.READER_TIMEOUT, "for the test")
        return self.record(Deferred(claim, rejection, self.now + timedelta(seconds=seconds)))

    def acknowledge(self, study: str = "1", by: str = "reader:a") -> None:
        with self.writing() as session:
            acknowledge_study(session, f"1.2.1.{study}", by, self.now)

    def worklist(self) -> list[WorklistEntry]:
        with self.reading() as session:
            return read_worklist(session)

    def study(self, study: str = "1") -> WorklistEntry:
        (entry,) = [e for e in self.worklist() if e.study_instance_uid == f"1.2.1.{study}"]
        return entry

    def states(self) -> dict[str, InstanceState]:
        with self.reading() as session:
            query = select(InstanceRow.sha256, InstanceRow.state)
            return {row.sha256: row.state for row in session.execute(query)}

    def state(self, content: str = "1") -> InstanceState:
        return self.states()[digest(content)]


def in_order(entries: Sequence[WorklistEntry]) -> list[str]:
    """Studies by the last part of their UID."""
    return [entry.study_instance_uid.rpartition(".")[2] for entry in entries]


def priorities(entries: Sequence[WorklistEntry]) -> list[Priority | None]:
    return [entry.priority for entry in entries]
