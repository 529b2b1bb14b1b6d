from types import SimpleNamespace

import pytest

from worker.service.celery_repair import LostAcknowledgement


def test_what_stays_unanswered_between_two_tasks_makes_a_new_connection() -> None:
    deliveries = SimpleNamespace(_delivered={"a": object()})
    lost = LostAcknowledgement(lambda: deliveries)
    lost.look()
    with pytest.raises(ConnectionError):
        lost.look()
    lost.look()  # the new connection begins anew


def test_what_is_answered_in_time_does_not() -> None:
    deliveries = SimpleNamespace(_delivered={"a": object()})
    lost = LostAcknowledgement(lambda: deliveries)
    for tag in ("b", "c"):
        lost.look()
        deliveries._delivered = {tag: object()}
    deliveries._delivered = {}
    lost.look()
    lost.look()
