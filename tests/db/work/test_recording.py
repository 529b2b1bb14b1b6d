from dataclasses import replace
from datetime import timedelta

import pytest
from sqlalchemy import func, select

from db.connection.errors import DatabaseError
from db.tables.audit import EventRow
from db.tables.imaging import FindingRow, ScreeningRow
from db.work.releases import register_release
from db.work.reprocessing import Selection, mark_for_reprocessing
from db.worklist.history import read_study
from db.worklist.outcomes import read_outcomes
from pipeline.codes import Band, Flag, InstanceState, Priority, ReasonCode, StudyStatus
from pipeline.framing.preprocessing import Preprocessing
from tests.db.site import GREY, NEGATIVE, POSITIVE, RELEASE, Site, digest, make_instance

NEWER = replace(RELEASE, name="2026.2", weights_sha256="1" * 64)


def test_a_screening_stands_in_the_worklist(site: Site) -> None:
    site.receive(make_instance())
    site.wait(5)
    (claim,) = site.claim()
    flags = frozenset({Flag.VIEW_UNKNOWN, Flag.AGE_UNKNOWN})
    assert site.record(site.screened(claim, GREY, flags=flags)) == 1
    entry = site.study()
    assert (entry.status, entry.band, entry.priority) == (
        StudyStatus.SCREENED,
        Band.INDETERMINATE,
        Priority.HIGH,
    )
    assert (entry.probability, entry.operating_point, entry.model_release) == (GREY, 0.2, "2026.1")
    assert entry.flags == (Flag.AGE_UNKNOWN, Flag.VIEW_UNKNOWN)
    assert entry.screened_at == site.now
    assert entry.received_at < entry.screened_at
    assert site.claim() == []


def test_a_rejection_stands_in_the_worklist(site: Site) -> None:
    site.receive(make_instance())
    (claim,) = site.claim()
    assert site.reject(claim, ReasonCode.READER_CRASHED) == 1
    assert site.study().reason_codes == (ReasonCode.READER_CRASHED,)
    assert site.state() is InstanceState.QUARANTINED


def test_a_repeated_outcome_changes_nothing(site: Site) -> None:
    site.receive(make_instance())
    (claim,) = site.claim()
    outcome = site.screened(claim, POSITIVE)
    assert site.record(outcome) == 1
    before = site.worklist()
    site.wait(60)
    assert site.record(outcome) == 0
    assert site.reject(claim, ReasonCode.READER_CRASHED) == 0
    assert site.worklist() == before
    with site.reading() as session:
        assert session.scalar(select(func.count()).select_from(ScreeningRow)) == 1


def test_a_batch_of_all_kinds_of_outcome(site: Site) -> None:
    site.receive_many([make_instance(str(n), study=str(n)) for n in range(3)])
    first, second, third = site.claim()
    outcome = site.screened(first, POSITIVE)
    site.reject(second, ReasonCode.NO_CONTRAST)
    site.defer(third, 60)
    assert site.record(outcome) == 1
    by_study = {entry.study_instance_uid[-1]: entry.status for entry in site.worklist()}
    assert sorted(by_study.values()) == ["NOT_SCREENED", "PENDING", "SCREENED"]


def test_the_study_shows_its_worst_film(site: Site) -> None:
    site.receive_many([make_instance(str(n), study="1") for n in range(3)])
    for claim, probability in zip(site.claim(), [NEGATIVE, POSITIVE, GREY], strict=True):
        site.screen(claim, probability)
    entry = site.study()
    assert (entry.probability, entry.priority) == (POSITIVE, Priority.STAT)
    assert (entry.instances, entry.instances_screened) == (3, 3)


def test_what_the_reader_saw_later_corrects_the_header(site: Site) -> None:
    site.receive(make_instance())
    (claim,) = site.claim()
    outcome = site.screened(claim, NEGATIVE)
    site.record(replace(outcome, instance=replace(outcome.instance, patient_age_years=3.5)))
    assert site.study().patient_age_years == 3.5


def _reprocess(site: Site) -> int:
    with site.writing() as session:
        register_release(session, NEWER)
        return mark_for_reprocessing(session, Selection(NEWER.name), now=site.now).instances


def test_a_newer_release_replaces_the_result_and_keeps_the_history(site: Site) -> None:
    site.receive(make_instance())
    site.screen_all(POSITIVE)
    site.wait(86_400)
    assert _reprocess(site) == 1
    assert site.study().priority is Priority.STAT
    site.screen_all(NEGATIVE, NEWER)
    entry = site.study()
    assert (entry.priority, entry.model_release) == (Priority.ROUTINE, NEWER.name)
    with site.reading() as session:
        history = read_study(session, entry.study_instance_uid)
    assert [s.model_release for s in history.screenings] == [RELEASE.name, NEWER.name]
    assert _reprocess(site) == 0


@pytest.mark.parametrize("reason", [ReasonCode.SOURCE_MISSING, ReasonCode.READER_CRASHED])
def test_a_failure_at_reprocessing_does_not_take_a_positive_result_back(
    site: Site, reason: ReasonCode
) -> None:
    site.receive(make_instance())
    site.screen_all(POSITIVE)
    _reprocess(site)
    (claim,) = site.claim()
    site.reject(claim, reason)
    assert site.state() is InstanceState.SCREENED
    assert (site.study().status, site.study().priority) == (StudyStatus.SCREENED, Priority.STAT)
    assert _reprocess(site) == 0


def test_a_source_that_is_back_after_a_failed_reprocessing_is_reprocessed(site: Site) -> None:
    site.receive(make_instance())
    site.screen_all(POSITIVE)
    _reprocess(site)
    (claim,) = site.claim()
    site.reject(claim, ReasonCode.SOURCE_MISSING)
    site.receive(make_instance())
    assert site.state() is InstanceState.SCREENED
    assert _reprocess(site) == 1


def test_being_found_not_eligible_at_reprocessing_does(site: Site) -> None:
    site.receive(make_instance())
    site.screen_all(POSITIVE)
    _reprocess(site)
    (claim,) = site.claim()
    site.reject(claim, ReasonCode.VIEW_NOT_FRONTAL)
    assert (site.study().status, site.study().priority) == (StudyStatus.NOT_SCREENED, None)
    with site.reading() as session:
        (outcome,) = read_outcomes(session, [b"/inbox/" + digest("1").encode()])
    assert (outcome.reason_code, outcome.probability) == (ReasonCode.VIEW_NOT_FRONTAL, None)


def test_screening_again_with_the_same_release_keeps_one_screening(site: Site) -> None:
    site.receive(make_instance())
    site.screen_all(POSITIVE)
    _reprocess(site)
    site.wait(1)
    site.screen_all(NEGATIVE)
    with site.reading() as session:
        assert session.scalar(select(func.count()).select_from(ScreeningRow)) == 1
        assert session.scalar(select(func.count()).select_from(FindingRow)) == 1
    assert site.study().probability == NEGATIVE


def test_a_failing_transaction_leaves_nothing(site: Site) -> None:
    site.receive(make_instance())
    (claim,) = site.claim()
    outcome = site.screened(claim, POSITIVE)
    broken = replace(outcome, screening=replace(outcome.screening, model_release="unknown"))
    before = site.worklist()
    with pytest.raises(KeyError):
        site.record(broken)
    assert site.worklist() == before
    with site.reading() as session:
        kinds = session.scalars(select(EventRow.kind).order_by(EventRow.event_id)).all()
    assert kinds == ["REGISTERED", "CLAIMED"]
    assert site.record(outcome) == 1


def test_a_release_keeps_its_weights(site: Site) -> None:
    with site.writing() as session:
        register_release(session, RELEASE)
    for changed in (
        replace(RELEASE, weights_sha256="f" * 64),
        replace(RELEASE, preprocessing=Preprocessing(version=99)),
    ):
        with pytest.raises(DatabaseError, match="a name of its own"), site.writing() as session:
            register_release(session, changed)


def test_a_result_that_arrives_late_does_not_hide_a_newer_one(site: Site) -> None:
    """Screenings count by when they were made, not by when they were stored."""
    site.receive(make_instance())
    site.wait(600)
    (claim,) = site.claim()
    site.screen(claim, POSITIVE)
    _reprocess(site)
    (claim,) = site.claim()
    outcome = site.screened(claim, NEGATIVE, NEWER)
    earlier = replace(outcome.screening, screened_at=site.now - timedelta(seconds=60))
    site.record(replace(outcome, screening=earlier))
    assert site.study().probability == POSITIVE
