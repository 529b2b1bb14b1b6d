from dataclasses import replace

import pytest
from sqlalchemy import select

from db.connection.engine import repeat_change
from db.connection.errors import DatabaseError
from db.tables.audit import JobRunRow
from db.tables.imaging import ModelReleaseRow
from db.work.comparison import read_counting_results
from db.work.releases import make_current, recount_results, register_release
from db.work.reprocessing import Selection, count_to_reprocess, mark_for_reprocessing
from db.worklist.outcomes import read_outcomes
from pipeline.codes import Band
from pipeline.release import Calibration
from pipeline.values.screening import OperatingPoints
from tests.db.site import NEGATIVE, POSITIVE, RELEASE, Site, make_instance

NEWER = replace(RELEASE, name="2026.2")


def activate(site: Site, release: str) -> int:
    """What a worker that starts with the release does, and then the scheduler."""
    with site.writing() as session:
        make_current(session, release, site.now)
    return repeat_change(site.engine, recount_results, lambda: site.now)


def screen_by_both(site: Site, studies: int = 1) -> None:
    """Screen by the older release, then by the newer, as an upgrade does."""
    with site.writing() as session:
        register_release(session, NEWER)
    activate(site, RELEASE.name)
    for study in range(1, studies + 1):
        site.receive(make_instance(str(study), str(study)))
    site.screen_all(NEGATIVE)
    site.wait()
    activate(site, NEWER.name)
    with site.writing() as session:
        mark_for_reprocessing(session, Selection(NEWER.name), now=site.now)
    site.screen_all(POSITIVE, NEWER)


def test_the_current_release_decides_which_result_counts(site: Site) -> None:
    screen_by_both(site)
    assert (site.study().model_release, site.study().band) == (NEWER.name, Band.POSITIVE)
    site.wait()
    activate(site, RELEASE.name)
    assert (site.study().model_release, site.study().band) == (RELEASE.name, Band.NEGATIVE)
    with site.reading() as session:
        assert count_to_reprocess(session, Selection(RELEASE.name)) == 0
        path = b"/inbox/" + make_instance("1", "1").sha256.encode()
        (outcome,) = read_outcomes(session, [path])
        page = read_counting_results(session, Selection(NEWER.name), after_id=0, limit=10)
    assert outcome.model_release == RELEASE.name
    assert [result.band for result in page.results] == [Band.NEGATIVE]


def test_what_the_current_release_has_not_screened_keeps_its_latest_result(site: Site) -> None:
    site.receive(make_instance())
    site.screen_all(POSITIVE)
    with site.writing() as session:
        register_release(session, NEWER)
    assert activate(site, NEWER.name) == 0
    assert site.study().model_release == RELEASE.name


def test_a_late_result_of_the_release_before_does_not_count(site: Site) -> None:
    screen_by_both(site)
    site.wait()
    with site.writing() as session:
        mark_for_reprocessing(session, Selection("another"), now=site.now)
    site.screen_all(NEGATIVE, RELEASE)  # by a worker that was not restarted yet
    assert site.study().model_release == NEWER.name


def test_many_studies_are_recounted_a_batch_at_a_time_and_the_walk_may_stop_anywhere(
    site: Site,
) -> None:
    screen_by_both(site, studies=5)
    with site.writing() as session:
        make_current(session, RELEASE.name, site.now)
    with site.writing() as session:
        assert recount_results(session, site.now, limit=2) == 2
    by_release = [entry.model_release for entry in site.worklist()]
    assert sorted(filter(None, by_release)) == [RELEASE.name] * 2 + [NEWER.name] * 3
    with site.writing() as session:
        assert recount_results(session, site.now, limit=2) == 2
    with site.writing() as session:
        assert recount_results(session, site.now, limit=2) == 1
    assert {entry.model_release for entry in site.worklist()} == {RELEASE.name}
    with site.writing() as session:
        assert recount_results(session, site.now, limit=2) == 0


def test_a_change_back_before_the_walk_is_over_walks_anew(site: Site) -> None:
    screen_by_both(site, studies=3)
    site.wait()
    with site.writing() as session:
        make_current(session, RELEASE.name, site.now)
    with site.writing() as session:
        recount_results(session, site.now, limit=2)
    site.wait()
    activate(site, NEWER.name)
    assert {entry.model_release for entry in site.worklist()} == {NEWER.name}


def test_a_worker_that_starts_with_the_current_release_changes_nothing(site: Site) -> None:
    since = site.now
    activate(site, RELEASE.name)
    site.wait()
    activate(site, RELEASE.name)
    with site.reading() as session:
        assert session.scalars(select(ModelReleaseRow.current_since)).one() == since
        assert len(session.scalars(select(JobRunRow)).all()) == 1


@pytest.mark.parametrize(
    ("other", "what"),
    [
        (replace(RELEASE, weights_sha256="1" * 64), "weights"),
        (replace(RELEASE, calibration=Calibration(2.0, 0.0)), "calibration"),
        (replace(RELEASE, operating_points=OperatingPoints(0.1, 0.8)), "operating points"),
        (replace(RELEASE, activation_maxima=(1.0,)), "activation maxima"),
        (replace(RELEASE, preprocessing=replace(RELEASE.preprocessing, size_px=64)), "preproc"),
    ],
)
def test_a_known_name_with_anything_else_that_decides_a_result_is_refused(
    site: Site, other: object, what: str
) -> None:
    with (
        pytest.raises(DatabaseError, match=rf"with other {what}.*a name of its own"),
        site.writing() as session,
    ):
        register_release(session, other)  # type: ignore[arg-type]


def test_words_for_people_are_renewed(site: Site) -> None:
    told = replace(RELEASE, trained_on={"split": "by patient"})
    with site.writing() as session:
        register_release(session, told)
    with site.reading() as session:
        assert "by patient" in session.scalars(select(ModelReleaseRow)).one().description
