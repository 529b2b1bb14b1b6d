"""A shadow run: a candidate release beside the results that count. It writes nothing.

What a release would change is known before it changes anything. This module must not change a row.
"""

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from typing import Final

from sqlalchemy import Engine

from db.connection.engine import read_session
from db.work.comparison import CountingResult, read_counting_results
from db.work.reprocessing import Selection
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.release import ModelRelease
from pipeline.triage import TriagePolicy, priority_of
from worker.readers.pool import ReaderPool
from worker.screening.batch import Classified, Classifier, classify_batch, start_reading

# (first age that no longer belongs, name); the last has no end.
_AGE_BANDS: Final = ((1.0, "under 1"), (6.0, "1 to 5"), (12.0, "6 to 11"), (18.0, "12 to 17"))


@dataclass(frozen=True, slots=True)
class Flips:
    """What the candidate would change in one group.

    Attributes
    ----------
    up, down
        Instances whose priority would become more, or less, urgent.
    unreadable
        Could not be read again, so nothing is known of them.
    mean_shift
        Of the probability, candidate less the result that counts.
    """

    group: str
    value: str
    compared: int
    up: int
    down: int
    unreadable: int
    mean_shift: float


@dataclass(slots=True)
class _Tally:
    """Counts of one group, so that memory does not grow with the archive."""

    compared: int = 0
    up: int = 0
    down: int = 0
    unreadable: int = 0
    shift: float = 0.0

    def add(self, result: CountingResult, probability: float | None, rank_change: int) -> None:
        if probability is None:
            self.unreadable += 1
            return
        self.compared += 1
        self.up += rank_change < 0
        self.down += rank_change > 0
        self.shift += probability - result.probability


@dataclass(slots=True)
class _Tallies:
    """Counts of all groups: everything, by age band, by station."""

    triage: TriagePolicy
    groups: dict[tuple[str, str], _Tally] = field(default_factory=dict)

    def add(self, result: CountingResult, probability: float | None) -> None:
        change = 0
        if probability is not None:
            candidate = priority_of(self.triage.judge(probability).band)
            change = candidate.rank - priority_of(result.band).rank
        for key in (
            ("all", "all"),
            ("age", age_band(result.patient_age_years)),
            ("station", result.station_name or "unknown"),
        ):
            self.groups.setdefault(key, _Tally()).add(result, probability, change)

    def flips(self) -> list[Flips]:
        """Give a row a group, the groups of one kind together, sorted."""
        return [
            Flips(
                group=group,
                value=value,
                compared=tally.compared,
                up=tally.up,
                down=tally.down,
                unreadable=tally.unreadable,
                mean_shift=tally.shift / tally.compared if tally.compared else 0.0,
            )
            for kind in ("all", "age", "station")
            for (group, value), tally in sorted(self.groups.items())
            if group == kind
        ]


def age_band(age_years: float | None) -> str:
    """Name the age band that reports use."""
    if age_years is None:
        return "unknown"
    return next((name for end, name in _AGE_BANDS if age_years < end), "18 and over")


def compare(
    engine: Engine,
    readers: ReaderPool,
    classifier: Classifier,
    release: ModelRelease,
    policy: EligibilityPolicy,
    *,
    selection: Selection,
    batch_size: int,
    on_compared: Callable[[int], None] = lambda _count: None,
) -> list[Flips]:
    """Score what was screened with a candidate release, and count whose priority would change.

    Raises
    ------
    DatabaseError
        If the database cannot be read.
    """
    tallies = _Tallies(TriagePolicy(release.operating_points))
    for batch in _batches(engine, selection, batch_size):
        files = start_reading(
            readers,
            [(each.path, each.sha256) for each in batch],
            policy,
            release.preprocessing,
        )
        found = classify_batch(readers, files, lambda: classifier)
        for result, candidate in zip(batch, found, strict=True):
            tallies.add(
                result, candidate.probability if isinstance(candidate, Classified) else None
            )
        on_compared(len(batch))
    return tallies.flips()


def _batches(engine: Engine, selection: Selection, size: int) -> Iterator[Sequence[CountingResult]]:
    after_id: int | None = 0
    while after_id is not None:
        with read_session(engine) as session:
            page = read_counting_results(session, selection, after_id=after_id, limit=size)
        after_id = page.last_id
        if page.results:
            yield page.results
