"""The walk of an inbox in one process, for tests that need screened files."""

from datetime import timedelta
from pathlib import Path

from sqlalchemy import Engine

from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.release import load_release
from tests.releases import register, write_test_release
from tests.worker.fakes import BrightnessClassifier, FakeClock
from worker.inbox.folders import list_paths
from worker.inbox.registrar import Registrar
from worker.readers.pool import ReaderPool
from worker.screening.screener import Screener, ScreenerPolicy


class Walk:
    """An inbox, and what registers and screens it."""

    def __init__(self, engine: Engine, readers: ReaderPool, clock: FakeClock, folder: Path) -> None:
        self.engine, self.readers, self.clock, self.folder = engine, readers, clock, folder
        self.inbox = folder / "inbox"
        self.inbox.mkdir()
        self.release = register(engine, load_release(write_test_release(folder / "release")))

    def register(self) -> None:
        Registrar(self.engine, self.readers, self.clock).register(list_paths([self.inbox]))

    def screener(self) -> Screener:
        policy = ScreenerPolicy(EligibilityPolicy(), 4, timedelta(seconds=60), 3)
        return Screener(
            engine=self.engine,
            readers=self.readers,
            network=BrightnessClassifier,
            release=self.release,
            policy=policy,
            clock=self.clock,
        )

    def work_off(self) -> None:
        screener = self.screener()
        while screener.step():
            pass
