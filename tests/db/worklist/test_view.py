from datetime import date, time

from db.worklist.view import read_entry, read_worklist
from pipeline.codes import Flag, Priority, ReasonCode, StudyStatus
from tests.db.site import GREY, NEGATIVE, POSITIVE, Site, in_order, make_instance


def _screen(site: Site, **probabilities: float) -> None:
    """Receive and screen one study after another, a second apart."""
    for study, probability in probabilities.items():
        site.wait()
        site.receive(make_instance(study, study=study))
        site.screen_all(probability)


def test_the_most_urgent_comes_first_and_of_those_the_longest_waiting(site: Site) -> None:
    _screen(site, a=NEGATIVE, b=POSITIVE, c=GREY, d=POSITIVE, e=NEGATIVE)
    site.receive(make_instance("pending", study="f"))
    site.receive(make_instance("lateral", study="g"), reason=ReasonCode.VIEW_NOT_FRONTAL)
    assert in_order(site.worklist()) == ["b", "d", "c", "f", "a", "e", "g"]


def test_studies_that_came_together_keep_one_order(site: Site) -> None:
    site.receive_many([make_instance(str(n), study=str(n)) for n in range(9)])
    assert in_order(site.worklist()) == [str(n) for n in range(9)]


def test_a_limit_gives_the_first(site: Site) -> None:
    _screen(site, a=NEGATIVE, b=POSITIVE, c=GREY)
    with site.reading() as session:
        assert in_order(read_worklist(session, limit=2)) == ["b", "c"]


def test_some_studies_come_in_reading_order_too(site: Site) -> None:
    _screen(site, **{f"s{n}": [NEGATIVE, POSITIVE][n % 2] for n in range(4)})
    wanted = {f"1.2.1.s{n}" for n in (0, 1, 3)} | {f"1.2.9.{n}" for n in range(1200)}
    with site.reading() as session:
        assert in_order(read_worklist(session, study_uids=wanted)) == ["s1", "s3", "s0"]


def test_an_entry_holds_what_the_headers_say(site: Site) -> None:
    described = {
        "accession_number": "A-1",
        "patient_id": "P-1",
        "issuer_of_patient_id": "HOSPITAL",
        "patient_sex": "F",
        "patient_age_years": 2.5,
        "study_date": date(2026, 3, 1),
        "study_time": time(7, 59, 58, 250_000),
        "modality": "DX",
        "station_name": "BUCKY-2",
        "institution_name": "Children's Hospital",
    }
    site.receive(
        make_instance(
            **described,
            requested_procedure_priority=Priority.HIGH,
            flags=frozenset({Flag.VIEW_UNKNOWN, Flag.AGE_UNKNOWN}),
        )
    )
    with site.reading() as session:
        entry = read_entry(session, "1.2.1.1")
    assert entry is not None
    assert {name: getattr(entry, name) for name in described} == described
    assert entry.ordered_priority is Priority.HIGH
    assert entry.flags == (Flag.AGE_UNKNOWN, Flag.VIEW_UNKNOWN)


def test_an_unknown_study_has_no_entry(site: Site) -> None:
    with site.reading() as session:
        assert read_entry(session, "1.2.3") is None


def test_an_acknowledged_study_comes_last_until_more_of_it_arrives(site: Site) -> None:
    _screen(site, a=POSITIVE, b=NEGATIVE)
    site.acknowledge("a", by="reader:a")
    assert in_order(site.worklist()) == ["b", "a"]
    assert site.study("a").acknowledged_by == "reader:a"
    site.wait(60)
    site.receive(make_instance("late", study="a"))
    assert in_order(site.worklist()) == ["a", "b"]
    entry = site.study("a")
    assert (entry.status, entry.acknowledged_by) == (StudyStatus.PARTIAL, None)
    assert entry.waiting_since == site.now
    site.acknowledge("a", by="reader:b")
    assert site.study("a").acknowledged_by == "reader:b"


def test_a_result_after_the_acknowledgement_does_not_bring_a_study_back(site: Site) -> None:
    site.receive(make_instance("a", study="a"))
    site.acknowledge("a")
    site.screen_all(POSITIVE)
    entry = site.study("a")
    assert (entry.acknowledged_by, entry.priority) == ("reader:a", Priority.STAT)


def test_the_same_study_from_two_folders_is_one_row(site: Site) -> None:
    site.receive(make_instance("frontal", study="a"), b"/pacs/1.dcm")
    site.receive(make_instance("frontal", study="a"), b"/usb/x.dcm")
    site.receive(make_instance("second", study="a"), b"/usb/y.dcm")
    site.screen_all(NEGATIVE)
    (entry,) = site.worklist()
    assert (entry.instances, entry.instances_screened) == (2, 2)
