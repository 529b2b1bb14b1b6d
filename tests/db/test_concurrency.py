"""Registrars, workers, readers and the night at once: nobody blocks, nothing is lost or doubled."""

from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta

from sqlalchemy import func, select

from db.instances.arrivals import Arrival
from db.instances.registration import register_arrivals
from db.studies.derivation import rederive_studies
from db.studies.priorities import apply_ordered_priorities, escalate_waiting
from db.tables.imaging import FindingRow, InstanceRow, ScreeningRow, SourceFileRow
from db.work.reprocessing import Selection, mark_for_reprocessing
from pipeline.codes import InstanceState, Lane, StudyStatus
from tests.db.site import NEGATIVE, RELEASE, Site, make_instance, make_source

FILMS, STUDIES = 96, 6


def _register(site: Site, seed: int) -> None:
    """Register every film, in an order of one's own, under two paths."""
    films = [make_instance(str(n), study=str(n % STUDIES)) for n in range(FILMS)]
    films = films[seed * 7 :] + films[: seed * 7] if seed % 2 else films[::-1]
    for first in range(0, FILMS, 12):
        arrivals = [
            Arrival(make_source(b"/%d/%s" % (seed % 2, film.sha256.encode())), film, None)
            for film in films[first : first + 12]
        ]
        with site.writing() as session:
            register_arrivals(session, arrivals, site.now, Lane.URGENT)


def _work(site: Site, _seed: int) -> None:
    """Claim and record until nothing has come for a while; put off each batch's first, once."""
    idle = 0
    while idle < 10:
        claims = site.claim(limit=7)
        idle = 0 if claims else idle + 1
        for claim in claims[:1]:
            if claim.attempts == 1:
                site.defer(claim, seconds=0)
        site.record(*(site.screened(claim, NEGATIVE) for claim in reversed(claims)))


def _read(site: Site, _seed: int) -> None:
    for number in range(10):
        if entries := site.worklist():
            study = entries[number % len(entries)].study_instance_uid
            site.acknowledge(study.removeprefix("1.2.1."))


def _administer(site: Site, _seed: int) -> None:
    for _ in range(10):
        with site.writing() as session:
            escalate_waiting(session, site.now, timedelta(0))
        with site.writing() as session:
            apply_ordered_priorities(session, site.now)
        with site.writing() as session:
            mark_for_reprocessing(session, Selection(RELEASE.name), now=site.now)


def test_everything_at_once_ends_well(site: Site) -> None:
    roles: list[Callable[[Site, int], None]] = [
        _register,
        _register,
        _register,
        _work,
        _work,
        _work,
        _read,
        _administer,
    ]
    with ThreadPoolExecutor(len(roles)) as pool:
        runs = [pool.submit(role, site, seed) for seed, role in enumerate(roles)]
        for run in runs:
            run.result()
    _work(site, 99)
    assert Counter(site.states().values()) == {InstanceState.SCREENED: FILMS}
    assert len(site.worklist()) == STUDIES
    for entry in site.worklist():
        assert entry.status is StudyStatus.SCREENED
        assert entry.instances == entry.instances_screened == FILMS // STUDIES
    with site.reading() as session:
        counts = {
            row: session.scalar(select(func.count()).select_from(row))
            for row in (InstanceRow, ScreeningRow, FindingRow, SourceFileRow)
        }
    assert counts == {
        InstanceRow: FILMS,
        ScreeningRow: FILMS,
        FindingRow: FILMS,
        SourceFileRow: 2 * FILMS,
    }
    assert rederive_studies(site.engine) == 0
