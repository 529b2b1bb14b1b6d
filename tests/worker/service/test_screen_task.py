from threading import Event

from db.connection.errors import DatabaseUnavailableError
from tests.worker.fakes import FakeClock, ScriptedSteps
from worker.screening.work_loop import work_off


def test_one_hint_works_off_all_that_is_there(clock: FakeClock) -> None:
    worker = ScriptedSteps(16, 16, 3)
    work_off(worker, Event(), clock)
    assert worker.steps == 4


def test_a_stop_ends_between_two_batches(clock: FakeClock) -> None:
    stop = Event()

    class StopsAfterOne(ScriptedSteps):
        def step(self) -> int:
            stop.set()
            return super().step()

    worker = StopsAfterOne(16, 16)
    work_off(worker, stop, clock)
    assert worker.steps == 1


def test_a_database_that_is_away_is_waited_for_with_growing_pauses(clock: FakeClock) -> None:
    away = DatabaseUnavailableError("away")
    worker = ScriptedSteps(16, away, away, away, away, away, 16)
    work_off(worker, Event(), clock)
    assert worker.steps == 8
    assert clock.elapsed_s == 1 + 2 + 4 + 8 + 10
