import pytest

from db.worklist.withdrawals import InstanceNotFoundError, withdraw_instance
from pipeline.codes import InstanceState, Priority, ReasonCode, StudyStatus
from tests.db.site import NEGATIVE, POSITIVE, Site, digest, make_instance


def _withdraw(site: Site, content: str) -> None:
    with site.writing() as session:
        withdraw_instance(session, digest(content), "reader:a", site.now, "of another patient")


def test_a_study_is_judged_without_what_was_withdrawn(site: Site) -> None:
    site.receive_many([make_instance("wrong"), make_instance("right")])
    for claim in site.claim():
        site.screen(claim, POSITIVE if claim.sha256 == digest("wrong") else NEGATIVE)
    assert site.study().priority is Priority.STAT
    _withdraw(site, "wrong")
    entry = site.study()
    assert (entry.priority, entry.status, entry.instances) == (
        Priority.ROUTINE,
        StudyStatus.SCREENED,
        1,
    )


def test_a_study_without_any_other_instance_says_so(site: Site) -> None:
    site.receive(make_instance("wrong"))
    _withdraw(site, "wrong")
    assert site.study().status is StudyStatus.NOT_SCREENED
    assert site.study().reason_codes == (ReasonCode.WITHDRAWN,)
    assert site.claim() == []


def test_what_was_withdrawn_stays_so_when_it_is_found_again(site: Site) -> None:
    site.receive(make_instance("wrong"), b"/inbox/1")
    _withdraw(site, "wrong")
    site.receive(make_instance("wrong"), b"/inbox/2")
    assert site.state("wrong") is InstanceState.NOT_ELIGIBLE


def test_a_withdrawal_while_a_worker_has_it_refuses_the_result(site: Site) -> None:
    site.receive(make_instance("wrong"))
    (claim,) = site.claim()
    _withdraw(site, "wrong")
    assert site.screen(claim, POSITIVE) == 0


def test_withdrawing_one_of_two_with_one_uid_takes_up_the_other(site: Site) -> None:
    site.receive(make_instance("first", sop_instance_uid="1.2.3.4"))
    site.receive(make_instance("second", sop_instance_uid="1.2.3.4"))
    site.screen_all(NEGATIVE)
    _withdraw(site, "first")
    assert [claim.sha256 for claim in site.claim()] == [digest("second")]


def test_a_corrected_version_after_a_withdrawal_is_no_conflict(site: Site) -> None:
    site.receive(make_instance("wrong", sop_instance_uid="1.2.3.4"))
    _withdraw(site, "wrong")
    site.receive(make_instance("corrected", sop_instance_uid="1.2.3.4"))
    assert site.state("corrected") is InstanceState.REGISTERED


def test_an_unknown_digest_is_refused(site: Site) -> None:
    with pytest.raises(InstanceNotFoundError):
        _withdraw(site, "unknown")
