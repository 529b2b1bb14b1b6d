from collections.abc import Iterable, Iterator
from pathlib import Path

import pytest
from sqlalchemy import Engine, select

from db.connection.engine import read_session
from db.instances.arrivals import SourceFile
from db.tables.imaging import InstanceRow, SourceFileRow
from pipeline.codes import InstanceState, ReasonCode
from pipeline.values.instance import Rejection
from pipeline.values.reading import Inspection
from tests.worker.fakes import FakeClock
from tests.worker.images import write_png
from worker.inbox.folders import list_paths
from worker.inbox.registrar import Registrar
from worker.readers.pool import ReaderDeath, ReaderPool


class MortalReaders(ReaderPool):
    """Real readers that die so many times over any header before they read it."""

    def __init__(self, readers: ReaderPool, deaths: int) -> None:
        self._living = readers
        self.deaths_left = deaths
        self.asked = 0

    def inspect(
        self, sources: Iterable[SourceFile]
    ) -> Iterator[tuple[SourceFile, Inspection | Rejection | ReaderDeath]]:
        for source in sources:
            self.asked += 1
            if self.deaths_left:
                self.deaths_left -= 1
                yield source, ReaderDeath(Rejection(ReasonCode.READER_CRASHED, "it crashed"))
            else:
                yield from self._living.inspect([source])


@pytest.fixture
def image(tmp_path: Path) -> Path:
    return write_png(tmp_path / "a.png", 0.5)


def register(engine: Engine, readers: ReaderPool, path: Path) -> list[InstanceRow]:
    Registrar(engine, readers, FakeClock()).register(list_paths([path]))
    with read_session(engine) as session:
        return list(session.scalars(select(InstanceRow)))


def test_a_header_that_killed_its_reader_by_chance_is_read_again(
    engine: Engine, readers: ReaderPool, image: Path
) -> None:
    (row,) = register(engine, MortalReaders(readers, deaths=2), image)
    assert row.state is InstanceState.REGISTERED


def test_a_header_that_always_kills_is_quarantined_after_three_attempts(
    engine: Engine, readers: ReaderPool, image: Path
) -> None:
    readers = MortalReaders(readers, deaths=99)
    (row,) = register(engine, readers, image)
    assert (row.state, row.reason_code) == (InstanceState.QUARANTINED, ReasonCode.READER_CRASHED)
    assert readers.asked == 3


def test_registering_twice_asks_for_nothing_the_second_time(
    engine: Engine, readers: ReaderPool, image: Path
) -> None:
    calls: list[None] = []
    registrar = Registrar(engine, readers, FakeClock(), on_new_files=lambda: calls.append(None))
    assert registrar.register(list_paths([image])).files == 1
    assert registrar.register(list_paths([image])).files == 0
    assert len(calls) == 1


def test_a_link_has_a_row_with_its_reason_and_is_not_tried_again(
    engine: Engine, readers: ReaderPool, image: Path
) -> None:
    inbox = image.parent / "inbox"
    inbox.mkdir()
    (inbox / "link").symlink_to(image)
    registration = Registrar(engine, readers, FakeClock()).register(list_paths([inbox]))
    assert registration.unreadable == frozenset()
    with read_session(engine) as session:
        (row,) = session.scalars(select(SourceFileRow))
    assert row.reason_code is ReasonCode.NOT_A_REGULAR_FILE
