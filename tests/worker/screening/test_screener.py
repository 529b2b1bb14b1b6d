import os
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from threading import Event

import pytest
from sqlalchemy import Engine, select

from db.connection.engine import read_session, write_session
from db.tables.imaging import InstanceRow, ScreeningRow
from db.work.claims import claim_batch
from pipeline.codes import InstanceState, ReasonCode
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.values.instance import Rejection
from pipeline.values.reading import Reading
from tests.releases import make_release, register
from tests.worker.fakes import BrightnessClassifier, FakeClock
from tests.worker.images import write_png
from worker.inbox.folders import list_paths
from worker.inbox.registrar import Registrar
from worker.readers.pool import ReaderDeath, ReaderPool
from worker.screening.screener import Screener, ScreenerPolicy

POLICY = ScreenerPolicy(
    eligibility=EligibilityPolicy(),
    batch_size=4,
    lease=timedelta(seconds=60),
    maximum_attempts=3,
)


@dataclass
class Scene:
    engine: Engine
    readers: ReaderPool
    inbox: Path
    clock: FakeClock = field(default_factory=FakeClock)
    network: BrightnessClassifier = field(default_factory=BrightnessClassifier)

    def register(self) -> None:
        Registrar(self.engine, self.readers, self.clock).register(list_paths([self.inbox]))

    def screener(self) -> Screener:
        return Screener(
            engine=self.engine,
            readers=self.readers,
            network=lambda: self.network,
            release=register(self.engine, make_release("test-release")),
            policy=POLICY,
            clock=self.clock,
        )

    def instances(self) -> list[InstanceRow]:
        with read_session(self.engine) as session:
            return list(session.scalars(select(InstanceRow).order_by(InstanceRow.instance_id)))

    def states(self) -> list[InstanceState]:
        return [row.state for row in self.instances()]


class KillingReaders(ReaderPool):
    """Real readers, except that files with one digest always kill theirs."""

    def __init__(self, readers: ReaderPool, poison: Callable[[str], bool]) -> None:
        self._readers = readers
        self._poison = poison
        self.deaths = 0

    def start_reading(self, path: bytes, sha256: str, *rest: object) -> "Future[Reading]":
        if self._poison(sha256):
            future: Future[Reading] = Future()
            future.set_exception(_Poisoned())
            return future
        return self._readers.start_reading(path, sha256, *rest)  # type: ignore[arg-type]

    def finish(self, future: "Future[Reading]") -> Reading | Rejection | ReaderDeath:  # type: ignore[override]
        if isinstance(future.exception(), _Poisoned):
            self.deaths += 1
            return ReaderDeath(Rejection(ReasonCode.READER_CRASHED, "it crashed"))
        return self._readers.finish(future)


class _Poisoned(Exception):  # noqa: N818
    pass


@pytest.fixture
def scene(engine: Engine, readers: ReaderPool, tmp_path: Path) -> Scene:
    inbox = tmp_path / "inbox"
    inbox.mkdir()
    return Scene(engine, readers, inbox)


def test_every_registered_image_is_screened_once(scene: Scene) -> None:
    for number in range(10):
        write_png(scene.inbox / f"{number}.png", 0.1 * number, seed=number)
    scene.register()
    recorded: list[int] = []
    scene.screener().run_until_idle(Event(), recorded.append)
    assert scene.states() == [InstanceState.SCREENED] * 10
    assert recorded == [4, 4, 2]
    assert scene.network.batches == [4, 4, 2]


def test_a_second_run_screens_nothing(scene: Scene) -> None:
    write_png(scene.inbox / "a.png", 0.5)
    for _ in range(2):
        scene.register()
        scene.screener().run_until_idle(Event())
    assert scene.network.batches == [1]
    with read_session(scene.engine) as session:
        assert len(list(session.scalars(select(ScreeningRow)))) == 1


def test_a_file_that_kills_its_reader_is_quarantined_at_the_third_attempt(scene: Scene) -> None:
    for number in range(4):
        write_png(scene.inbox / f"{number}.png", 0.5, seed=number)
    scene.register()
    poison = scene.instances()[1].sha256
    killing = KillingReaders(scene.readers, poison.__eq__)
    replace(scene, readers=killing).screener().run_until_idle(Event())
    assert killing.deaths == 3
    assert [row.reason_code for row in scene.instances()] == [
        None,
        ReasonCode.READER_CRASHED,
        None,
        None,
    ]
    assert scene.states().count(InstanceState.SCREENED) == 3
    assert scene.instances()[1].state is InstanceState.QUARANTINED
    assert scene.instances()[1].attempts == 3


def lose_worker(scene: Scene) -> int:
    """Claim as a worker that is never heard of again; give the number of its claims."""
    with write_session(scene.engine) as session:
        claims = claim_batch(session, limit=4, lease=POLICY.lease, now=scene.clock.now())
    scene.clock.elapsed_s += POLICY.lease.total_seconds()
    return len(claims)


def test_a_file_that_costs_worker_after_worker_is_given_up_unread(scene: Scene) -> None:
    for number in range(2):
        write_png(scene.inbox / f"{number}.png", 0.5, seed=number)
    scene.register()
    poison = scene.instances()[0].sha256
    killing = KillingReaders(scene.readers, poison.__eq__)
    # With its neighbour, then alone, as often as a file may.
    assert [lose_worker(scene) for _ in range(POLICY.maximum_lost_workers)] == [2] + 9 * [1]
    replace(scene, readers=killing).screener().run_until_idle(Event())
    given_up, other = scene.instances()
    assert (given_up.state, given_up.reason_code) == (
        InstanceState.QUARANTINED,
        ReasonCode.WORKER_LOST,
    )
    assert given_up.detail is not None
    assert given_up.detail.startswith("10 attempts ended without a result, 9 of them at this file")
    assert (other.state, killing.deaths) == (InstanceState.SCREENED, 0)


def test_a_retry_is_read_while_nothing_else_is(scene: Scene) -> None:
    for number in range(2):
        write_png(scene.inbox / f"{number}.png", 0.5, seed=number)
    scene.register()
    assert lose_worker(scene) == 2
    for number in range(2, 8):
        write_png(scene.inbox / f"{number}.png", 0.5, seed=number)
    scene.register()
    screener = scene.screener()
    assert [screener.step() for _ in range(5)] == [1, 1, 4, 2, 0]


def test_a_retry_is_not_made_before_its_time(scene: Scene) -> None:
    write_png(scene.inbox / "a.png", 0.5)
    scene.register()
    screener = replace(
        scene, readers=KillingReaders(scene.readers, lambda _sha256: True)
    ).screener()
    assert screener.step() == 1
    assert screener.step() == 0
    assert screener.seconds_until_work() == pytest.approx(1.0)
    scene.clock.elapsed_s += 1.0
    assert screener.step() == 1
    assert screener.seconds_until_work() == pytest.approx(2.0)


def test_a_file_removed_before_its_turn_fails_and_is_taken_up_when_it_is_back(
    scene: Scene,
) -> None:
    write_png(scene.inbox / "a.png", 0.5)
    scene.register()
    (scene.inbox / "a.png").rename(scene.inbox.parent / "away.png")
    scene.screener().run_until_idle(Event())
    (row,) = scene.instances()
    assert (row.state, row.reason_code) == (InstanceState.FAILED, ReasonCode.SOURCE_MISSING)
    (scene.inbox.parent / "away.png").rename(scene.inbox / "a.png")
    scene.register()
    scene.screener().run_until_idle(Event())
    assert scene.states() == [InstanceState.SCREENED]


def test_a_file_rewritten_after_registration_is_not_scored_under_its_old_digest(
    scene: Scene,
) -> None:
    write_png(scene.inbox / "a.png", 0.5, seed=1)
    scene.register()
    write_png(scene.inbox / "a.png", 0.5, seed=2)
    scene.screener().run_until_idle(Event())
    (row,) = scene.instances()
    assert (row.state, row.reason_code) == (InstanceState.FAILED, ReasonCode.SOURCE_CHANGED)
    scene.register()
    scene.screener().run_until_idle(Event())
    assert InstanceState.SCREENED in scene.states()


def test_another_workers_lease_is_waited_for_and_then_taken_over(scene: Scene) -> None:
    write_png(scene.inbox / "a.png", 0.5)
    scene.register()
    with write_session(scene.engine) as session:
        claim_batch(session, limit=1, lease=timedelta(seconds=30), now=scene.clock.now())
    screener = scene.screener()
    assert screener.step() == 0
    screener.run_until_idle(Event())
    assert scene.clock.elapsed_s == pytest.approx(30.0)
    assert scene.states() == [InstanceState.SCREENED]


def test_a_stop_gives_back_what_was_claimed_ahead(scene: Scene) -> None:
    for number in range(8):
        write_png(scene.inbox / f"{number}.png", 0.5, seed=number)
    scene.register()
    screener = scene.screener()
    screener.step()
    assert scene.states().count(InstanceState.CLAIMED) == 4
    screener.hand_back()
    assert scene.states().count(InstanceState.CLAIMED) == 0
    assert [row.attempts for row in scene.instances() if row.state is InstanceState.REGISTERED] == [
        0
    ] * 4


def test_leases_are_renewed_while_slow_files_are_read(scene: Scene) -> None:
    class SlowReaders(KillingReaders):
        def finish(self, future: "Future[Reading]") -> Reading | Rejection | ReaderDeath:  # type: ignore[override]
            scene.clock.elapsed_s += 25
            return super().finish(future)

    for number in range(4):
        write_png(scene.inbox / f"{number}.png", 0.5, seed=number)
    scene.register()
    replace(scene, readers=SlowReaders(scene.readers, lambda _sha256: False)).screener().step()
    assert scene.clock.elapsed_s > POLICY.lease.total_seconds()
    assert scene.states() == [InstanceState.SCREENED] * 4


def test_a_network_that_gives_no_probability_records_nothing(scene: Scene) -> None:
    write_png(scene.inbox / "a.png", 0.5)
    scene.register()
    scene.network.classify = lambda pixels: pixels.mean(axis=(1, 2)) * float("nan")  # type: ignore[method-assign]
    with pytest.raises(ValueError, match="not a probability"):
        scene.screener().step()
    assert scene.states() == [InstanceState.CLAIMED]


def test_sources_are_left_as_they_were(scene: Scene) -> None:
    path = write_png(scene.inbox / "a.png", 0.5)
    before = (path.read_bytes(), os.stat(path).st_mtime_ns)
    scene.register()
    scene.screener().run_until_idle(Event())
    assert (path.read_bytes(), os.stat(path).st_mtime_ns) == before
