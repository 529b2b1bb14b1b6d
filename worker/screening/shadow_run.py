"""A shadow run: a candidate release beside the results that stand. It writes nothing.

This module must not change a row: what a release would change is known before it changes anything.
"""

from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Final

import numpy as np
from sqlalchemy import Engine

from db.connection.engine import read_session
from db.worklist.comparison import Standing, read_standing
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.release import ModelRelease
from pipeline.triage import TriagePolicy, priority_of
from pipeline.values.radiograph import ModelInput
from pipeline.values.reading import Reading
from worker.readers.pool import ReaderPool
from worker.screening.batch import Classifier

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
        Of the probability, candidate less standing.
    """

    group: str
    value: str
    compared: int
    up: int
    down: int
    unreadable: int
    mean_shift: float


@dataclass(frozen=True, slots=True)
class _Pair:
    standing: Standing
    probability: float | None
    rank_change: int


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
    batch_size: int,
    since: datetime | None = None,
    site: str | None = None,
    on_compared: Callable[[int], None] = lambda _count: None,
) -> list[Flips]:
    """Score what was screened with a candidate release, and count whose priority would change.

    Raises
    ------
    DatabaseError
        If the database cannot be read.
    """
    triage = TriagePolicy(release.operating_points)
    pairs: list[_Pair] = []
    for batch in _batches(engine, batch_size, since, site):
        futures = [
            readers.start_reading(each.path, each.sha256, policy, release.preprocessing)
            for each in batch
        ]
        inputs: dict[int, ModelInput] = {}
        for each, future in zip(batch, futures, strict=True):
            match readers.finish(future):
                case Reading(model_input=ModelInput() as model_input):
                    inputs[each.instance_id] = model_input
        scores: dict[int, float] = {}
        if inputs:
            pixels = np.stack([found.pixels for found in inputs.values()])
            scores = dict(zip(inputs, map(float, classifier.classify(pixels)), strict=True))
        pairs += [_pair(each, scores.get(each.instance_id), triage) for each in batch]
        on_compared(len(batch))
    return [
        *_tally("all", pairs, lambda _standing: "all"),
        *_tally("age", pairs, lambda standing: age_band(standing.patient_age_years)),
        *_tally("station", pairs, lambda standing: standing.station_name or "unknown"),
    ]


def _batches(
    engine: Engine, size: int, since: datetime | None, site: str | None
) -> Iterator[Sequence[Standing]]:
    after_id = 0
    while True:
        with read_session(engine) as session:
            batch = read_standing(session, after_id=after_id, limit=size, since=since, site=site)
        if not batch:
            return
        after_id = batch[-1].instance_id
        yield batch


def _pair(standing: Standing, probability: float | None, triage: TriagePolicy) -> _Pair:
    if probability is None:
        return _Pair(standing, None, 0)
    candidate = priority_of(triage.judge(probability).band)
    return _Pair(standing, probability, candidate.rank - priority_of(standing.band).rank)


def _tally(group: str, pairs: Iterable[_Pair], name: Callable[[Standing], str]) -> Iterator[Flips]:
    members: defaultdict[str, list[_Pair]] = defaultdict(list)
    for pair in pairs:
        members[name(pair.standing)].append(pair)
    for value, each in sorted(members.items()):
        shifts = [
            pair.probability - pair.standing.probability
            for pair in each
            if pair.probability is not None
        ]
        yield Flips(
            group=group,
            value=value,
            compared=len(shifts),
            up=sum(pair.rank_change < 0 for pair in each),
            down=sum(pair.rank_change > 0 for pair in each),
            unreadable=len(each) - len(shifts),
            mean_shift=float(np.mean(shifts)) if shifts else 0.0,
        )
