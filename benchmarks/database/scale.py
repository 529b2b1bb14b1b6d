"""Times the worklist, look-ups, claims, registration and recording at growing sizes.

``python -m benchmarks.database.scale --sizes 10000 100000 --json scale.json`` makes a database of
its own on the PostgreSQL server (as a superuser; 5 million studies take some 15 GB), fills it to
each size in turn, measures, and drops it.
"""

import argparse
import hashlib
import json
import multiprocessing
import os
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from random import Random
from statistics import quantiles
from typing import Final

from sqlalchemy import Engine, text

from benchmarks.database.fill import fill
from benchmarks.database.servers import LOCAL_SERVER, fresh_database
from db.connection.engine import open_database, read_session, write_session
from db.instances.arrivals import Arrival, SourceFile
from db.instances.registration import register_arrivals
from db.work.claims import Claim, claim_batch
from db.work.recording import Screened, record_outcomes
from db.worklist.view import read_worklist
from pipeline.codes import Band, Lane, Priority
from pipeline.values.instance import Instance, derive_uid
from pipeline.values.screening import PNEUMONIA, Finding, Screening

_READS: Final = 1000
_BATCH: Final = 64
_CLAIMERS: Final = 8
_WAITING: Final = 12_800
_START_UP_S: Final = 30
_NOW: Final = datetime(2026, 3, 1, tzinfo=UTC)
_LEASE: Final = timedelta(minutes=10)
_WORKLIST: Final = (
    "SELECT * FROM worklist_v1 ORDER BY effective_priority_rank, waiting_since LIMIT 100"
)
_BY_ACCESSION: Final = "SELECT * FROM worklist_v1 WHERE accession_number = 'A{number}'"
_BY_UID: Final = (
    "SELECT * FROM worklist_v1 WHERE study_instance_uid = '1.2.826.0.1.3680043.9.7.{number}'"
)


@dataclass(frozen=True, slots=True)
class Timing:
    """Median and 99th percentile, in milliseconds."""

    median_ms: float
    p99_ms: float


@dataclass(frozen=True, slots=True)
class Measured:
    """All figures at one size."""

    studies: int
    size_gb: float
    worklist: Timing
    worklist_as_objects: Timing
    by_accession_number: Timing
    by_study_uid: Timing
    register_ms_per_instance: float
    record_ms_per_instance: float
    claimed_per_s: float
    load_average: float
    plans: dict[str, list[str]]


def measure(engine: Engine, studies: int) -> Measured:
    """Measure the database as it is."""
    random = Random(studies)  # noqa: S311 - reproducible, not secret

    def number() -> int:
        return random.randint(1, studies)

    register_ms = _register(engine, studies)
    claimed_per_s = _claim(engine, _WAITING)
    record_ms = _record(engine)
    with engine.connect() as connection:
        size = connection.scalar(text("SELECT pg_database_size(current_database())"))
    return Measured(
        studies=studies,
        size_gb=round((size or 0) / 1e9, 2),
        worklist=_time_query(engine, lambda: _WORKLIST),
        worklist_as_objects=_time(lambda: _read_objects(engine)),
        by_accession_number=_time_query(engine, lambda: _BY_ACCESSION.format(number=number())),
        by_study_uid=_time_query(engine, lambda: _BY_UID.format(number=number())),
        register_ms_per_instance=register_ms,
        record_ms_per_instance=record_ms,
        claimed_per_s=claimed_per_s,
        load_average=round(os.getloadavg()[0], 1),
        plans={
            name: _explain(engine, query)
            for name, query in (
                ("worklist", _WORKLIST),
                ("by_accession_number", _BY_ACCESSION.format(number=studies // 2)),
                ("by_study_uid", _BY_UID.format(number=studies // 2)),
            )
        },
    )


def _time(action: Callable[[], object]) -> Timing:
    taken_ms = []
    for _ in range(_READS):
        start_s = time.perf_counter()
        action()
        taken_ms.append((time.perf_counter() - start_s) * 1000)
    cuts = quantiles(taken_ms, n=100)
    return Timing(round(cuts[49], 2), round(cuts[98], 2))


def _time_query(engine: Engine, query: Callable[[], str]) -> Timing:
    with engine.connect() as connection:
        return _time(lambda: connection.exec_driver_sql(query()).all())


def _read_objects(engine: Engine) -> None:
    with read_session(engine) as session:
        read_worklist(session, limit=100)


def _explain(engine: Engine, query: str) -> list[str]:
    with engine.connect() as connection:
        return list(connection.scalars(text("EXPLAIN (ANALYZE, BUFFERS) " + query)))


def _register(engine: Engine, studies: int) -> float:
    """Register the instances that `_claim` claims, in batches of the registrar's size."""
    start_s = time.perf_counter()
    for first in range(0, _WAITING, 256):
        numbers = range(first, min(first + 256, _WAITING))
        arrivals = [_arrival(f"{studies}-{number}") for number in numbers]
        with write_session(engine) as session:
            register_arrivals(session, arrivals, _NOW, Lane.URGENT)
    return round((time.perf_counter() - start_s) * 1000 / _WAITING, 3)


def _arrival(name: str) -> Arrival:
    digest = hashlib.sha256(name.encode()).hexdigest()
    instance = Instance(
        sha256=digest,
        sop_instance_uid=derive_uid(digest, "instance"),
        series_instance_uid=derive_uid(digest, "series"),
        study_instance_uid=derive_uid(digest, "study"),
        accession_number=name,
    )
    return Arrival(SourceFile(f"/inbox/{name}".encode(), 8_000_000, 1, 1), instance, None)


def _claim(engine: Engine, rows: int) -> float:
    """Claim everything by eight processes; give rows per second until the last one ends."""
    url = engine.url.render_as_string(hide_password=False)
    start = time.time() + _START_UP_S
    with multiprocessing.get_context("spawn").Pool(_CLAIMERS) as pool:
        shares = pool.starmap(_claim_all, [(url, start)] * _CLAIMERS, chunksize=1)
    claimed = sum(count for count, _ in shares)
    if claimed != rows:
        raise AssertionError(f"{claimed} claimed of {rows}")
    return round(rows / (max(end for _, end in shares) - start))


def _claim_all(url: str, start: float) -> tuple[int, float]:
    engine = open_database(url)
    with read_session(engine) as session:
        session.execute(text("SELECT 1"))  # connected before the clock starts
    if time.time() > start:
        raise AssertionError(f"the claimers took more than {_START_UP_S} s to start")
    time.sleep(max(0.0, start - time.time()))
    claimed = 0
    while True:
        with write_session(engine) as session:
            batch = claim_batch(session, limit=_BATCH, lease=_LEASE, now=_NOW)
        if not batch:
            return claimed, time.time()
        claimed += len(batch)


def _record(engine: Engine) -> float:
    """Record an outcome for every claim, in batches."""
    with read_session(engine) as session:
        rows = session.execute(
            text(
                "SELECT instance_id, lease_token, sha256, sop_instance_uid FROM instance "
                "WHERE state = 'CLAIMED'"
            )
        ).all()
    outcomes = [
        _screened(
            Claim(r.instance_id, r.lease_token, r.sha256, b"", 1, r.sop_instance_uid, Lane.URGENT)
        )
        for r in rows
    ]
    start_s = time.perf_counter()
    for first in range(0, len(outcomes), _BATCH):
        with write_session(engine) as session:
            record_outcomes(session, outcomes[first : first + _BATCH], _NOW)
    return round((time.perf_counter() - start_s) * 1000 / len(outcomes), 3)


def _screened(claim: Claim) -> Screened:
    finding = Finding(PNEUMONIA, 0.1, Band.NEGATIVE, 0.2)
    screening = Screening(claim.sha256, (finding,), "bench", "none", _NOW)
    instance = Instance(
        sha256=claim.sha256,
        sop_instance_uid=claim.sop_instance_uid,
        series_instance_uid=derive_uid(claim.sha256, "series"),
        study_instance_uid=derive_uid(claim.sha256, "study"),
    )
    return Screened(claim, instance, screening, Priority.ROUTINE, frozenset())


def _say(line: str) -> None:
    print(line, flush=True)  # noqa: T201 - its output


def main() -> None:
    """Run the benchmark."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--server", default=LOCAL_SERVER)
    parser.add_argument("--sizes", type=int, nargs="+", default=[10_000, 100_000])
    parser.add_argument("--json", type=Path)
    arguments = parser.parse_args()
    results: list[Measured] = []
    with fresh_database(arguments.server) as url:
        engine = open_database(url)
        try:
            filled = 0
            for studies in sorted(arguments.sizes):
                start_s = time.perf_counter()
                fill(engine, filled + 1, studies)
                _say(f"{studies} studies filled in {time.perf_counter() - start_s:.0f} s")
                results.append(measure(engine, studies))
                _say(str(replace(results[-1], plans={})))
                filled = studies + _WAITING  # the instances of `_register` stay
                if arguments.json:
                    table = json.dumps([asdict(r) for r in results], indent=2)
                    arguments.json.write_text(table + "\n")
        finally:
            engine.dispose()


if __name__ == "__main__":
    main()
