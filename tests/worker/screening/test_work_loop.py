from threading import Event

from db.connection.errors import DatabaseUnavailableError
from tests.worker.fakes import FakeClock, ScriptedSteps
from worker.screening.work_loop import run_work_loop, work_off
from worker.service.schedule import Job, Schedule


class Idle:
    """Has nothing to screen now, but perhaps something to retry."""

    def __init__(self, clock: FakeClock, retry_at_s: float | None = None) -> None:
        self.clock, self.retry_at_s = clock, retry_at_s
        self.stepped_s: list[float] = []

    def step(self) -> int:
        self.stepped_s.append(self.clock.elapsed_s)
        return 0

    def seconds_until_work(self) -> float | None:
        if self.retry_at_s is None or self.clock.elapsed_s >= self.retry_at_s:
            return None
        return self.retry_at_s - self.clock.elapsed_s


class StopAt(Event):
    def __init__(self, clock: FakeClock, stop_s: float) -> None:
        super().__init__()
        self.clock, self.stop_s = clock, stop_s

    def is_set(self) -> bool:
        return self.clock.elapsed_s > self.stop_s


def run(worker: Idle, clock: FakeClock, seconds: float, *jobs: Job) -> None:
    run_work_loop(
        worker,
        Schedule(jobs or [Job("none", 600, lambda: None)], clock),
        clock,
        stop=StopAt(clock, seconds),
        registered=Event(),
    )


def test_jobs_run_when_they_are_due_although_nothing_is_registered() -> None:
    clock = FakeClock()
    ran_s: list[float] = []
    run(Idle(clock), clock, 31, Job("sweep", 10, lambda: ran_s.append(round(clock.elapsed_s))))
    assert ran_s == [0, 10, 20, 30]


def test_a_retry_is_made_when_it_is_due() -> None:
    clock = FakeClock()
    worker = Idle(clock, retry_at_s=1.5)
    run(worker, clock, 3)
    assert [round(stepped_s, 2) for stepped_s in worker.stepped_s] == [0.0, 1.5]


def test_what_is_registered_while_nothing_is_due_is_screened_at_once() -> None:
    registered = Event()

    class RegistersAtOneSecond(Idle):
        def step(self) -> int:
            if self.stepped_s:
                stop.set()
            return super().step()

    class WakingClock(FakeClock):
        def wait(self, stop: Event, seconds: float) -> bool:
            if self.elapsed_s >= 1:
                registered.set()
            return super().wait(stop, seconds)

    clock, stop = WakingClock(), Event()
    worker = RegistersAtOneSecond(clock)
    jobs = Schedule([Job("none", 600, lambda: None)], clock)
    run_work_loop(worker, jobs, clock, stop=stop, registered=registered)
    assert [round(stepped_s, 1) for stepped_s in worker.stepped_s] == [0.0, 1.1]


def test_a_database_that_does_not_say_when_work_is_due_is_asked_again() -> None:
    clock = FakeClock()

    class Away(Idle):
        def seconds_until_work(self) -> float | None:
            raise DatabaseUnavailableError("away")

    worker = Away(clock)
    run(worker, clock, 2.5)
    assert [round(stepped_s) for stepped_s in worker.stepped_s] == [0, 1, 2]


def test_one_call_works_off_all_that_is_registered() -> None:
    worker = ScriptedSteps(16, 16, 3)
    work_off(worker, Event(), FakeClock())
    assert worker.steps == 4


def test_a_stop_ends_between_two_batches() -> None:
    stop = Event()

    class StopsAfterOne(ScriptedSteps):
        def step(self) -> int:
            stop.set()
            return super().step()

    worker = StopsAfterOne(16, 16)
    work_off(worker, stop, FakeClock())
    assert worker.steps == 1


def test_a_database_that_is_away_is_waited_for_with_growing_pauses() -> None:
    clock = FakeClock()
    away = DatabaseUnavailableError("away")
    worker = ScriptedSteps(16, away, away, away, away, away, 16)
    work_off(worker, Event(), clock)
    assert worker.steps == 8
    assert clock.elapsed_s == 1 + 2 + 4 + 8 + 10
