from datetime import timedelta

from sqlalchemy import text

from db.studies.priorities import apply_ordered_priorities, escalate_waiting
from db.work.reprocessing import Selection, mark_for_reprocessing
from pipeline.codes import ESCALATED_RANK, EventKind, Lane, Priority
from tests.db.site import GREY, NEGATIVE, POSITIVE, Site, in_order, make_instance

LIMIT = timedelta(hours=4)


def _order(site: Site, accession_number: str, priority: str) -> None:
    """As an integration engine does, in SQL."""
    with site.writing() as session:
        session.execute(
            text("INSERT INTO ordered_priority (accession_number, priority) VALUES (:a, :p)"),
            {"a": accession_number, "p": priority},
        )


def _apply(site: Site) -> int:
    with site.writing() as session:
        return apply_ordered_priorities(session, site.now)


def _escalate(site: Site) -> int:
    with site.writing() as session:
        return escalate_waiting(session, site.now, LIMIT)


def test_an_order_for_a_study_that_is_here(site: Site) -> None:
    site.receive(make_instance(accession_number="A-1"))
    site.screen_all(NEGATIVE)
    _order(site, "A-1", "STAT")
    assert site.study().ordered_priority is None
    assert (_apply(site), _apply(site)) == (1, 0)
    entry = site.study()
    assert (entry.priority, entry.ordered_priority) == (Priority.ROUTINE, Priority.STAT)
    assert entry.effective_priority_rank == Priority.STAT.rank


def test_an_order_that_comes_before_its_study(site: Site) -> None:
    _order(site, "A-1", "HIGH")
    assert _apply(site) == 1
    site.receive(make_instance(accession_number="A-1"))
    assert site.study().ordered_priority is Priority.HIGH


def test_a_later_order_replaces_an_earlier_one(site: Site) -> None:
    site.receive(make_instance(accession_number="A-1"))
    _order(site, "A-1", "STAT")
    _order(site, "A-1", "MEDIUM")
    _apply(site)
    assert site.study().ordered_priority is Priority.MEDIUM


def test_a_low_order_does_not_move_a_positive_study_down(site: Site) -> None:
    site.receive(make_instance(accession_number="A-1"))
    site.screen_all(POSITIVE)
    _order(site, "A-1", "LOW")
    _apply(site)
    assert site.study().effective_priority_rank == Priority.STAT.rank


def test_an_order_stands_in_the_event_log(site: Site) -> None:
    site.receive(make_instance(accession_number="A-1"))
    _order(site, "A-1", "STAT")
    _apply(site)
    with site.reading() as session:
        kinds = session.scalars(text("SELECT kind FROM event ORDER BY event_id")).all()
    assert kinds[-1] == EventKind.PRIORITY_ORDERED


def test_waiting_moves_a_study_up_but_not_before_stat(site: Site) -> None:
    site.receive(make_instance("a", study="a"))
    site.screen_all(NEGATIVE)
    site.wait(LIMIT.total_seconds() - 1)
    assert _escalate(site) == 0
    site.wait(1)
    for study, probability in (("b", GREY), ("c", POSITIVE)):
        site.receive(make_instance(study, study=study))
        site.screen_all(probability)
    assert in_order(site.worklist()) == ["c", "b", "a"]
    assert (_escalate(site), _escalate(site)) == (1, 0)
    assert in_order(site.worklist()) == ["c", "a", "b"]
    assert site.study("a").effective_priority_rank == ESCALATED_RANK
    assert site.study("a").priority is Priority.ROUTINE


def test_an_acknowledged_study_waits_no_more(site: Site) -> None:
    site.receive(make_instance())
    site.acknowledge()
    site.wait(2 * LIMIT.total_seconds())
    assert _escalate(site) == 0


def test_an_escalated_study_that_was_read_starts_anew(site: Site) -> None:
    site.receive(make_instance("a"))
    site.wait(LIMIT.total_seconds())
    assert _escalate(site) == 1
    site.acknowledge()
    site.receive(make_instance("late"))
    assert site.study().effective_priority_rank > ESCALATED_RANK
    assert _escalate(site) == 0
    site.wait(LIMIT.total_seconds())
    assert _escalate(site) == 1


def test_nobody_waits_for_a_study_from_an_archive(site: Site) -> None:
    site.receive(make_instance("old", study="old"), lane=Lane.BACKFILL)
    site.wait(LIMIT.total_seconds())
    assert _escalate(site) == 0


def test_reprocessing_does_not_stop_the_clock(site: Site) -> None:
    site.receive(make_instance())
    site.screen_all(NEGATIVE)
    with site.writing() as session:
        assert mark_for_reprocessing(session, Selection("another"), now=site.now).instances == 1
    site.wait(LIMIT.total_seconds())
    assert _escalate(site) == 1
