import mmap
import os
import resource
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import Future
from pathlib import Path
from typing import Any

import pytest

from db.instances.arrivals import SourceFile
from pipeline.codes import ReasonCode
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.framing.preprocessing import Preprocessing
from pipeline.values.instance import Rejection
from pipeline.values.reading import Inspection, ReadingLimits
from worker.readers.pool import ReaderDeath, ReaderPool

MEMORY_MIB = 1024


@pytest.fixture(scope="module")
def readers() -> Iterator[ReaderPool]:
    with ReaderPool(1, MEMORY_MIB, 60.0, ReadingLimits()) as pool:
        yield pool


def source(path: Path) -> SourceFile:
    return SourceFile(os.fsencode(path), size=1, mtime_ns=1, inode=1)


def test_headers_come_back_in_order_with_the_fate_of_each_file(
    readers: ReaderPool, tmp_path: Path
) -> None:
    (tmp_path / "text.dcm").write_text("not an image")
    (tmp_path / "empty").touch()
    files = [source(tmp_path / name) for name in ("text.dcm", "absent", "empty")]
    found = list(readers.inspect(files))
    assert [file for file, _ in found] == files
    text, absent, empty = (what for _, what in found)
    assert isinstance(text, Inspection)
    assert text.rejection is not None
    assert text.rejection.reason_code is ReasonCode.NOT_AN_IMAGE
    assert isinstance(absent, Rejection)
    assert absent.reason_code is ReasonCode.SOURCE_MISSING
    assert isinstance(empty, Inspection)
    assert empty.rejection is not None
    assert empty.rejection.reason_code is ReasonCode.EMPTY_FILE


class FragilePool(ReaderPool):
    """A real pool, whose readers die over any group of headers with a killer among them."""

    def _start_inspection(self, batch: Sequence[SourceFile]) -> "Future[Any]":
        if any(b"killer" in each.path for each in batch):
            return self._pool.schedule(os.abort)  # type: ignore[no-any-return]
        return super()._start_inspection(batch)


def test_a_header_that_kills_its_reader_costs_none_of_those_read_with_it(tmp_path: Path) -> None:
    names = [f"{number}" for number in range(6)]
    names[2] = "killer"
    for name in names:
        (tmp_path / name).write_text("not an image")
    with FragilePool(1, MEMORY_MIB, 60.0, ReadingLimits()) as pool:
        found = list(pool.inspect([source(tmp_path / name) for name in names]))
    fates = {os.path.basename(file.path).decode(): type(what) for file, what in found}
    assert fates == dict.fromkeys(names, Inspection) | {"killer": ReaderDeath}
    assert [file.path for file, _ in found] == [os.fsencode(tmp_path / name) for name in names]


def test_a_crash_is_named_and_the_next_file_is_read(readers: ReaderPool, tmp_path: Path) -> None:
    death = readers.finish(readers._pool.schedule(os.abort))
    assert isinstance(death, ReaderDeath)
    assert death.rejection.reason_code is ReasonCode.READER_CRASHED
    (tmp_path / "empty").touch()
    ((_, found),) = readers.inspect([source(tmp_path / "empty")])
    assert isinstance(found, Inspection)


def test_a_file_that_takes_too_long_costs_its_reader_not_the_run(readers: ReaderPool) -> None:
    death = readers.finish(readers._pool.schedule(time.sleep, args=(60,), timeout=0.2))
    assert isinstance(death, ReaderDeath)
    assert death.rejection.reason_code is ReasonCode.READER_TIMEOUT
    assert readers.finish(readers._pool.schedule(os.getpid)) != os.getpid()


def test_an_error_that_nobody_foresaw_costs_its_file_alone(readers: ReaderPool) -> None:
    death = readers.finish(readers._pool.schedule(divmod, args=(1, 0)))
    assert isinstance(death, ReaderDeath)
    assert "ZeroDivisionError" in death.rejection.detail


def test_a_reader_has_a_memory_limit_and_writes_no_core(readers: ReaderPool) -> None:
    limits = readers.finish(readers._pool.schedule(resource.getrlimit, args=(resource.RLIMIT_AS,)))
    assert limits == (MEMORY_MIB << 20, MEMORY_MIB << 20)
    cores = readers.finish(readers._pool.schedule(resource.getrlimit, args=(resource.RLIMIT_CORE,)))
    assert cores == (0, 0)
    refused = readers.finish(readers._pool.schedule(mmap.mmap, args=(-1, MEMORY_MIB << 20)))
    assert isinstance(refused, Rejection)


def test_a_file_that_vanished_before_it_was_read_is_missing(
    readers: ReaderPool, tmp_path: Path
) -> None:
    path = os.fsencode(tmp_path / "gone")
    future = readers.start_reading(path, "0" * 64, EligibilityPolicy(), Preprocessing())
    found = readers.finish(future)
    assert isinstance(found, Rejection)
    assert found.reason_code is ReasonCode.SOURCE_MISSING
