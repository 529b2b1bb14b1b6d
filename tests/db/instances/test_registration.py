import pytest
from sqlalchemy import func, select
from sqlalchemy.exc import StatementError

from db.instances.arrivals import Arrival
from db.instances.finished_files import find_finished
from db.instances.registration import register_arrivals
from db.instances.source_files import find_unregistered
from db.studies.derivation import rederive_studies
from db.tables.audit import OrderedPriorityRow
from db.tables.imaging import InstanceRow, SourceFileRow
from db.upkeep.checks import check_database
from db.worklist.outcomes import read_outcomes
from pipeline.codes import Flag, InstanceState, Lane, Priority, ReasonCode, StudyStatus
from pipeline.values.instance import Rejection
from tests.db.site import NEGATIVE, POSITIVE, Site, digest, in_order, make_instance, make_source


def test_an_arrival_stands_in_the_worklist_at_once(site: Site) -> None:
    site.receive(make_instance(patient_id="P-1", accession_number="A-1", modality="CR"))
    entry = site.study()
    assert entry.status is StudyStatus.PENDING
    assert (entry.patient_id, entry.accession_number, entry.modality) == ("P-1", "A-1", "CR")
    assert (entry.instances, entry.instances_screened) == (1, 0)
    assert entry.received_at == entry.waiting_since == site.now
    assert site.state() is InstanceState.REGISTERED


def test_a_known_refusal_goes_straight_to_its_state(site: Site) -> None:
    site.receive(make_instance(), reason=ReasonCode.VIEW_NOT_FRONTAL)
    assert site.state() is InstanceState.NOT_ELIGIBLE
    assert site.study().status is StudyStatus.NOT_SCREENED
    assert site.study().reason_codes == (ReasonCode.VIEW_NOT_FRONTAL,)
    assert site.claim() == []


def test_registering_again_changes_nothing(site: Site) -> None:
    site.receive(make_instance())
    before = site.worklist()
    site.wait(60)
    site.receive(make_instance())
    assert site.worklist() == before
    assert len(site.claim()) == 1


def test_the_same_bytes_at_another_path_are_one_instance(site: Site) -> None:
    site.receive(make_instance(), b"/inbox/a.dcm")
    site.receive(make_instance(), b"/archive/b.dcm")
    assert site.study().instances == 1
    with site.reading() as session:
        assert session.scalar(select(func.count()).select_from(SourceFileRow)) == 2


def test_a_claim_names_the_path_that_was_seen_last(site: Site) -> None:
    site.receive(make_instance(), b"/inbox/a.dcm")
    site.wait()
    site.receive(make_instance(), b"/inbox/b.dcm")
    assert [claim.path for claim in site.claim()] == [b"/inbox/b.dcm"]


def test_other_bytes_under_a_known_uid_are_quarantined(site: Site) -> None:
    first = site.receive(make_instance("first"))
    second = make_instance("second", sop_instance_uid=first.sop_instance_uid)
    site.receive(second)
    assert site.states() == {
        digest("first"): InstanceState.REGISTERED,
        digest("second"): InstanceState.QUARANTINED,
    }
    site.screen_all(NEGATIVE)
    entry = site.study()
    assert entry.status is StudyStatus.PARTIAL
    assert entry.reason_codes == (ReasonCode.SOP_INSTANCE_UID_CONFLICT,)


def test_of_two_contents_with_one_uid_in_one_batch_the_first_path_stands(site: Site) -> None:
    first, second = (make_instance(c, sop_instance_uid="1.2.3.4") for c in ("first", "second"))
    with site.writing() as session:
        arrivals = [
            Arrival(make_source(b"/inbox/b"), second, None),
            Arrival(make_source(b"/inbox/a"), first, None),
        ]
        register_arrivals(session, arrivals, site.now, Lane.URGENT)
    assert site.state("first") is InstanceState.REGISTERED
    assert site.state("second") is InstanceState.QUARANTINED


def test_an_intact_copy_after_a_damaged_one_is_screened(site: Site) -> None:
    cut = make_instance("cut", sop_instance_uid="1.2.3.4")
    site.receive(cut, reason=ReasonCode.PIXEL_DATA_TRUNCATED)
    site.receive(make_instance("whole", sop_instance_uid="1.2.3.4"))
    site.screen_all(POSITIVE)
    assert site.state("whole") is InstanceState.SCREENED
    assert site.state("cut") is InstanceState.QUARANTINED


@pytest.mark.parametrize("reason", [ReasonCode.PIXEL_DATA_TRUNCATED, ReasonCode.SOURCE_MISSING])
def test_an_intact_copy_is_screened_once_the_first_is_found_damaged(
    site: Site, reason: ReasonCode
) -> None:
    site.receive(make_instance("cut", study="1", sop_instance_uid="1.2.3.4"))
    (claim,) = site.claim()
    site.receive(make_instance("whole", study="2", sop_instance_uid="1.2.3.4"))
    assert site.state("whole") is InstanceState.QUARANTINED
    site.reject(claim, reason)
    assert [claim.sha256 for claim in site.claim()] == [digest("whole")]
    assert site.study("2").status is StudyStatus.PENDING


def test_a_lost_content_that_is_back_finds_its_copy_in_its_place(site: Site) -> None:
    site.receive(make_instance("lost", sop_instance_uid="1.2.3.4"))
    (claim,) = site.claim()
    site.reject(claim, ReasonCode.SOURCE_MISSING)
    site.receive(make_instance("copy", sop_instance_uid="1.2.3.4"))
    site.receive(make_instance("lost", sop_instance_uid="1.2.3.4"))
    assert site.state("copy") is InstanceState.REGISTERED
    assert site.state("lost") is InstanceState.QUARANTINED


def test_a_file_rewritten_before_it_was_screened_is_superseded(site: Site) -> None:
    site.receive(make_instance("half", sop_instance_uid="1.2.3.4"), b"/inbox/a")
    (stale,) = site.claim()
    site.receive(make_instance("whole", sop_instance_uid="1.2.3.4"), b"/inbox/a", size=2000)
    assert site.screen(stale, POSITIVE) == 0
    site.screen_all(NEGATIVE)
    entry = site.study()
    assert (entry.status, entry.instances, entry.probability) == (
        StudyStatus.SCREENED,
        1,
        NEGATIVE,
    )


def test_a_content_that_comes_back_after_being_superseded_is_taken_up_again(site: Site) -> None:
    first, second = (make_instance(c, sop_instance_uid="1.2.3.4") for c in ("first", "second"))
    site.receive(first, b"/inbox/a")
    site.receive(second, b"/inbox/a", size=2)
    site.receive(first, b"/inbox/a", size=3)
    assert site.state("first") is InstanceState.REGISTERED
    assert site.state("second") is InstanceState.NOT_ELIGIBLE
    assert [claim.sha256 for claim in site.claim()] == [digest("first")]


def test_a_file_overwritten_with_another_patient_leaves_a_trace(site: Site) -> None:
    site.receive(make_instance("old", study="1"), b"/inbox/a")
    site.receive(make_instance("new", study="2"), b"/inbox/a", size=2)
    assert site.state("old") is InstanceState.FAILED
    assert site.study("1").reason_codes == (ReasonCode.SOURCE_CHANGED,)
    assert site.study("2").status is StudyStatus.PENDING


def test_a_file_renamed_and_replaced_in_one_scan_loses_nothing(site: Site) -> None:
    old, new = make_instance("old", study="1"), make_instance("new", study="2")
    site.receive(old, b"/inbox/current")
    with site.writing() as session:
        arrivals = [
            Arrival(make_source(b"/inbox/current", size=2), new, None),
            Arrival(make_source(b"/inbox/rotated"), old, None),
        ]
        register_arrivals(session, arrivals, site.now, Lane.URGENT)
    assert {claim.path for claim in site.claim()} == {b"/inbox/current", b"/inbox/rotated"}


def test_a_screened_content_survives_its_file(site: Site) -> None:
    site.receive(make_instance("old", study="1"), b"/inbox/a")
    site.screen_all(POSITIVE)
    site.receive(make_instance("new", study="2"), b"/inbox/a", size=2)
    assert site.state("old") is InstanceState.SCREENED


@pytest.mark.parametrize("change", [{"size": 2}, {"mtime_ns": 2}, {"inode": 2}])
def test_a_changed_file_is_unregistered(site: Site, change: dict[str, int]) -> None:
    site.receive(make_instance(), b"/inbox/1.dcm")
    changed, unknown = make_source(**change), make_source(b"/inbox/2.dcm")
    with site.reading() as session:
        assert find_unregistered(session, [make_source()]) == []
        assert find_unregistered(session, [changed, unknown]) == [changed, unknown]


def test_a_file_that_could_not_be_read_is_tried_again_without_noise(site: Site) -> None:
    for _ in range(2):
        site.receive(None, b"/inbox/1.dcm", ReasonCode.SOURCE_UNREADABLE)
        with site.reading() as session:
            assert find_unregistered(session, [make_source()]) == [make_source()]
    site.receive(make_instance(), b"/inbox/1.dcm")
    assert site.state() is InstanceState.REGISTERED
    with site.reading() as session:
        assert find_unregistered(session, [make_source()]) == []


def test_a_file_that_changed_and_cannot_be_read_any_more_leaves_a_trace(site: Site) -> None:
    site.receive(make_instance(), b"/inbox/1.dcm")
    site.receive(None, b"/inbox/1.dcm", ReasonCode.SOURCE_UNREADABLE, size=2)
    assert site.state() is InstanceState.FAILED
    assert site.study().reason_codes == (ReasonCode.SOURCE_UNREADABLE,)


def test_a_file_that_is_back_may_be_refused_from_its_header(site: Site) -> None:
    """A later version's reader may know what an earlier one did not."""
    site.receive(make_instance(), b"/inbox/1.dcm")
    (claim,) = site.claim()
    site.reject(claim, ReasonCode.SOURCE_MISSING)
    site.receive(make_instance(), b"/inbox/1.dcm", ReasonCode.VIEW_NOT_FRONTAL)
    assert site.state() is InstanceState.NOT_ELIGIBLE
    assert site.claim() == []


def test_a_time_without_a_zone_is_a_fault_of_the_program(site: Site) -> None:
    site.now = site.now.replace(tzinfo=None)
    with pytest.raises(StatementError, match="has no time zone"):
        site.receive(make_instance())


def test_an_arrival_without_an_instance_says_why() -> None:
    with pytest.raises(ValueError, match="needs a rejection"):
        Arrival(make_source(), None, None)


def test_a_missing_file_that_is_back_is_screened(site: Site) -> None:
    site.receive(make_instance(), b"/inbox/1.dcm")
    (claim,) = site.claim()
    site.reject(claim, ReasonCode.SOURCE_MISSING)
    assert site.state() is InstanceState.FAILED
    with site.reading() as session:
        assert find_unregistered(session, [make_source()]) == [make_source()]
    site.receive(make_instance(), b"/inbox/1.dcm")
    (claim,) = site.claim()
    assert claim.attempts == 1
    site.screen(claim, NEGATIVE)
    assert site.study().status is StudyStatus.SCREENED


@pytest.mark.parametrize(
    "path",
    [
        b"/inbox/" + b"x" * 255,
        b"/inbox/\xff\xfe",
        "/inbox/ünïcode".encode(),
        b"/in\nbox",
        b"/" * 4096,
    ],
)
def test_a_path_may_be_any_bytes(site: Site, path: bytes) -> None:
    site.receive(make_instance(), path)
    assert [claim.path for claim in site.claim()] == [path]


def test_numbers_beyond_64_bits_are_kept_apart(site: Site) -> None:
    network_share = {"inode": 2**64 - 1, "mtime_ns": 2**63 + 5}
    site.receive(make_instance(), b"/inbox/1.dcm", **network_share)
    with site.reading() as session:
        assert find_unregistered(session, [make_source(**network_share)]) == []
        other = make_source(inode=2**64 - 2, mtime_ns=2**63 + 5)
        assert find_unregistered(session, [other]) == [other]


def test_hostile_header_text_is_cleaned_and_clipped(site: Site) -> None:
    site.receive(
        make_instance(
            patient_id="a\0b\ud800", accession_number="9" * 100_000, institution_name="é" * 5000
        )
    )
    entry = site.study()
    assert entry.patient_id == "ab?"
    assert entry.accession_number == "9" * 256


def test_a_batch_is_one_row_a_path_and_one_study_a_uid(site: Site) -> None:
    instances = [make_instance(str(n), study=str(n % 7)) for n in range(300)]
    site.receive_many(instances)
    assert sorted(in_order(site.worklist())) == [str(n) for n in range(7)]
    with site.reading() as session:
        assert session.scalar(select(func.count()).select_from(InstanceRow)) == 300


def test_a_study_is_inserted_as_it_would_be_derived(site: Site) -> None:
    long_number = "A\0" + 300 * "9"  # is kept without the NUL, and clipped
    with site.writing() as session:
        session.add(OrderedPriorityRow(accession_number=long_number, priority=Priority.STAT))
    site.receive_many(
        [
            make_instance("1", patient_id="P-1", flags=frozenset({Flag.AGE_UNKNOWN})),
            make_instance("2", accession_number=long_number, patient_id="P-2"),
            make_instance("3", study="2", requested_procedure_priority=Priority.HIGH),
        ]
    )
    assert site.study("1").ordered_priority is Priority.STAT
    assert (site.study("1").instances, site.study("2").instances) == (2, 1)
    assert rederive_studies(site.engine) == 0


def test_an_unpacked_archive_has_a_row_and_no_study(site: Site) -> None:
    archive = Arrival(
        make_source(b"/inbox/films.zip"), None, Rejection(ReasonCode.ARCHIVE_UNPACKED, "2 files")
    )
    with site.writing() as session:
        register_arrivals(session, [archive], site.now, Lane.URGENT)
    assert site.worklist() == []
    with site.reading() as session:
        assert find_unregistered(session, [archive.source]) == []  # it is not unpacked again
        changed = make_source(b"/inbox/films.zip", mtime_ns=2)
        assert find_unregistered(session, [changed]) == [changed]
        (outcome,) = read_outcomes(session, [archive.source.path])
        assert check_database(session, site.now) == []
        (finished,) = find_finished(session, [archive.source])
    assert (outcome.status, outcome.reason_code) == (
        InstanceState.NOT_ELIGIBLE,
        ReasonCode.ARCHIVE_UNPACKED,
    )
    assert finished.sha256 is None


def test_a_file_that_could_not_be_read_is_registered_again(site: Site) -> None:
    site.receive(None, b"/inbox/1.dcm", ReasonCode.SOURCE_UNREADABLE)
    with site.reading() as session:
        assert find_unregistered(session, [make_source()]) == [make_source()]
        assert find_finished(session, [make_source()]) == []
