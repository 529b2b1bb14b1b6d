import pytest

from db.studies.lookup import StudyNotFoundError
from db.worklist.feedback import give_feedback
from db.worklist.history import find_study, read_study
from pipeline.codes import (
    EventKind,
    FeedbackComment,
    FeedbackVerdict,
    InstanceState,
    Priority,
    ReasonCode,
)
from tests.db.site import POSITIVE, Site, digest, make_instance


def test_a_study_tells_its_whole_history(site: Site) -> None:
    site.receive(make_instance("front"), b"/inbox/1.dcm")
    site.receive(make_instance("front"), b"/copy/1.dcm")
    site.receive(make_instance("side"), b"/inbox/2.dcm", ReasonCode.VIEW_NOT_FRONTAL)
    (claim,) = site.claim()
    site.wait()
    site.defer(claim, seconds=10)
    site.wait(10)
    site.screen_all(POSITIVE)
    site.acknowledge(by="reader:a")
    with site.writing() as session:
        give_feedback(
            session,
            "1.2.1.1",
            FeedbackVerdict.DISAGREE,
            by="reader:a",
            now=site.now,
            comment_code=FeedbackComment.FALSE_POSITIVE,
        )
    with site.reading() as session:
        history = read_study(session, "1.2.1.1")
    assert history is not None
    assert history.entry == site.study()
    front, side = history.instances
    assert (front.state, front.attempts) == (InstanceState.SCREENED, 2)
    assert front.source_paths == (b"/inbox/1.dcm", b"/copy/1.dcm")
    assert (side.state, side.reason_code) == (
        InstanceState.NOT_ELIGIBLE,
        ReasonCode.VIEW_NOT_FRONTAL,
    )
    (screening,) = history.screenings
    assert (screening.probability, screening.priority, screening.model_release) == (
        POSITIVE,
        Priority.STAT,
        "2026.1",
    )
    assert [event.kind for event in history.events] == [
        EventKind.REGISTERED,
        EventKind.REGISTERED,
        EventKind.CLAIMED,
        EventKind.DEFERRED,
        EventKind.CLAIMED,
        EventKind.SCREENED,
        EventKind.ACKNOWLEDGED,
        EventKind.FEEDBACK,
    ]
    deferred = history.events[3]
    assert (deferred.from_state, deferred.to_state) == (
        InstanceState.CLAIMED,
        InstanceState.REGISTERED,
    )
    assert [ack.instances_seen for ack in history.acknowledgements] == [2]
    (feedback,) = history.feedback
    assert (feedback.probability, feedback.model_release) == (POSITIVE, "2026.1")


@pytest.mark.parametrize("name", ["1.2.840.99.12345", "A-7", "12345"])
def test_a_study_is_found_by_uid_accession_number_or_last_digits(site: Site, name: str) -> None:
    site.receive(make_instance(study_instance_uid="1.2.840.99.12345", accession_number="A-7"))
    site.receive(make_instance("other", study="other"))
    with site.reading() as session:
        assert find_study(session, name).entry.accession_number == "A-7"


@pytest.mark.parametrize("name", ["", "1.2.9", "%", "_"])
def test_a_name_that_is_no_study_or_several_is_refused(site: Site, name: str) -> None:
    site.receive(make_instance("a", study="a"))
    site.receive(make_instance("b", study="b"))
    with site.reading() as session, pytest.raises(StudyNotFoundError):
        find_study(session, name)


def test_an_accession_number_of_two_studies_asks_for_more(site: Site) -> None:
    for study in ("a", "b"):
        site.receive(make_instance(study, study=study, accession_number="A-7"))
    with site.reading() as session, pytest.raises(StudyNotFoundError, match="more than one"):
        find_study(session, "A-7")


@pytest.mark.parametrize("act", ["acknowledge", "feedback"])
def test_nothing_is_noted_about_an_unknown_study(site: Site, act: str) -> None:
    def do() -> None:
        if act == "acknowledge":
            site.acknowledge("unknown")
        else:
            with site.writing() as session:
                give_feedback(session, "1.2", FeedbackVerdict.AGREE, by="a", now=site.now)

    with pytest.raises(StudyNotFoundError, match="pneumoscreen worklist"):
        do()


def test_the_digest_names_the_content(site: Site) -> None:
    site.receive(make_instance("front"))
    with site.reading() as session:
        assert find_study(session, "1.2.1.1").instances[0].sha256 == digest("front")
