from db.worklist.outcomes import count_by_state, read_outcomes
from pipeline.codes import Band, InstanceState, Priority, ReasonCode
from tests.db.site import POSITIVE, Site, make_instance


def test_each_path_has_its_outcome_in_the_order_asked_for(site: Site) -> None:
    site.receive(make_instance("a"), b"/1")
    site.receive(make_instance("a"), b"/2")
    site.screen_all(POSITIVE)
    site.receive(make_instance("b"), b"/3", ReasonCode.NOT_AN_IMAGE)
    site.receive(None, b"/4", ReasonCode.SOURCE_UNREADABLE)
    site.receive(make_instance("c"), b"/5")
    with site.reading() as session:
        outcomes = read_outcomes(session, [b"/5", b"/4", b"/3", b"/2", b"/1", b"/unknown"])
    assert [(o.path, o.status, o.reason_code) for o in outcomes] == [
        (b"/5", InstanceState.REGISTERED, None),
        (b"/4", InstanceState.FAILED, ReasonCode.SOURCE_UNREADABLE),
        (b"/3", InstanceState.QUARANTINED, ReasonCode.NOT_AN_IMAGE),
        (b"/2", InstanceState.SCREENED, None),
        (b"/1", InstanceState.SCREENED, None),
    ]
    screened = outcomes[-1]
    assert (screened.band, screened.priority, screened.probability, screened.model_release) == (
        Band.POSITIVE,
        Priority.STAT,
        POSITIVE,
        "2026.1",
    )
    assert screened.study_instance_uid == "1.2.1.1"
    assert outcomes[1].sha256 is None


def test_instances_are_counted_by_state(site: Site) -> None:
    site.receive_many([make_instance(str(n)) for n in range(3)])
    site.receive(make_instance("b"), reason=ReasonCode.TOO_SMALL)
    site.claim(limit=1)
    with site.reading() as session:
        counts = count_by_state(session)
    assert counts[InstanceState.REGISTERED] == 2
    assert counts[InstanceState.CLAIMED] == counts[InstanceState.NOT_ELIGIBLE] == 1
    assert counts[InstanceState.SCREENED] == 0
