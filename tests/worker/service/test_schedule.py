from threading import Event

from pipeline.errors import PneumoscreenError
from tests.worker.fakes import FakeClock
from worker.service.schedule import Job, Schedule


def run_for(schedule: Schedule, clock: FakeClock, seconds: float) -> None:
    end_s = clock.elapsed_s + seconds

    class UntilThen(Event):
        def is_set(self) -> bool:
            return clock.elapsed_s > end_s

    schedule.run(UntilThen())


def test_each_job_runs_at_once_and_then_at_its_interval(clock: FakeClock) -> None:
    done: list[tuple[str, float]] = []
    jobs = [
        Job("often", 10, lambda: done.append(("often", clock.elapsed_s))),
        Job("seldom", 25, lambda: done.append(("seldom", clock.elapsed_s))),
    ]
    run_for(Schedule(jobs, clock), clock, 30)
    assert done == [
        ("often", 0),
        ("seldom", 0),
        ("often", 10),
        ("often", 20),
        ("seldom", 25),
        ("often", 30),
    ]


def test_a_job_that_fails_is_tried_again_and_stops_no_other(clock: FakeClock) -> None:
    tried: list[str] = []

    def fail() -> None:
        tried.append("failing")
        raise PneumoscreenError("away")

    jobs = [Job("failing", 10, fail), Job("other", 10, lambda: tried.append("other"))]
    run_for(Schedule(jobs, clock), clock, 10)
    assert tried == ["failing", "other"] * 2


def test_a_wall_clock_set_back_a_day_stops_no_job(clock: FakeClock) -> None:
    runs: list[float] = []
    schedule = Schedule([Job("sweep", 10, lambda: runs.append(clock.elapsed_s))], clock)
    schedule.run_due()
    clock.wall_jump -= clock.wall_jump.resolution * 86_400_000_000
    clock.elapsed_s += 10
    schedule.run_due()
    assert runs == [0, 10]
