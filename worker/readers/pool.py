"""Reader processes, in which untrusted files are opened and decoded.

They are spawned (never forked: TensorFlow does not survive a fork), each with a memory limit; each
file has a time limit. Whatever a file does to its reader costs that one file one attempt. This
module must not know what becomes of a result.
"""

import multiprocessing
import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from types import TracebackType
from typing import Final, Self, TypeVar

import structlog
from pebble import ProcessExpired, ProcessPool

from db.connection.chunks import in_chunks
from db.instances.arrivals import SourceFile
from pipeline.codes import ReasonCode
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.errors import PneumoscreenError
from pipeline.framing.preprocessing import Preprocessing
from pipeline.values.instance import Rejection
from pipeline.values.reading import Inspection, Reading, ReadingLimits
from worker.readers import tasks
from worker.settings import Settings

# A reader that ran this many tasks is replaced, so that a decoder's leak stays small.
_TASKS_IN_A_LIFE: Final = 10_000
# Headers are read so many to a task: passing a task to a process and back takes as long as reading
# a header does.
_FILES_A_TASK: Final = 16


class ReaderError(PneumoscreenError):
    """Reader processes cannot be started, or were ended while a file was being read."""


_log = structlog.get_logger()
_Read = TypeVar("_Read")
_Inspections = list[Inspection | OSError]


@dataclass(frozen=True, slots=True)
class ReaderDeath:
    """A file ended its reader process: it is worth another attempt, alone."""

    rejection: Rejection


class ReaderPool:
    """A fixed number of reader processes.

    Parameters
    ----------
    readers
        Number of processes.
    memory_mib
        Address space that one reader may have (RLIMIT_AS), in MiB.
    timeout_s
        Wall-clock time that one file may take.
    """

    def __init__(
        self, readers: int, memory_mib: int, timeout_s: float, limits: ReadingLimits
    ) -> None:
        self._readers = readers
        self._timeout_s = timeout_s
        self._limits = limits
        self._is_ended = False
        self._pool = ProcessPool(
            max_workers=readers,
            max_tasks=_TASKS_IN_A_LIFE,
            initializer=tasks.confine,
            initargs=(memory_mib,),
            context=multiprocessing.get_context("spawn"),
        )

    @classmethod
    def of(cls, settings: Settings, most: int | None = None) -> Self:
        """Make a pool as the settings have it, of ``most`` readers if they have more."""
        readers = settings.readers if most is None else min(settings.readers, most)
        return cls(readers, settings.reader_memory_mib, settings.reader_timeout_s, settings.limits)

    def __enter__(self) -> Self:
        """Start the processes now, before TensorFlow takes its threads and memory.

        A reader takes as long to import its decoders as this process takes to import SQLAlchemy:
        enter the pool before that import.
        """
        for future in [self._pool.schedule(tasks.get_ready) for _ in range(self._readers)]:
            future.add_done_callback(_ignore)
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        """End the processes, whatever they are doing."""
        self._is_ended = True
        self._pool.stop()  # type: ignore[no-untyped-call]  # pebble's one untyped method
        self._pool.join()

    def check(self) -> None:
        """Make sure that a reader starts within the time one file may take.

        Raises
        ------
        ReaderError
            If it does not.
        """
        try:
            self._pool.schedule(os.getpid).result(timeout=self._timeout_s)
        except (ProcessExpired, TimeoutError) as error:
            raise ReaderError(
                f"a reader process does not start ({error}); raise PNEUMOSCREEN_READER_MEMORY_MIB"
            ) from error

    def inspect(
        self, sources: Sequence[SourceFile]
    ) -> Iterator[tuple[SourceFile, Inspection | Rejection | ReaderDeath]]:
        """Begin to read the headers of a few hundred files; returns before any is read.

        Yields
        ------
        tuple
            The file with what its header says, or why the file itself could not be read; in order.
        """
        shared_out = -(-len(sources) // (2 * self._readers)) or 1  # a few files on every reader
        batches = in_chunks(sources, min(shared_out, _FILES_A_TASK))
        return self._collect([(batch, self._start_inspection(batch)) for batch in batches])

    def _collect(
        self, tasks: "Iterable[tuple[Sequence[SourceFile], Future[_Inspections]]]"
    ) -> Iterator[tuple[SourceFile, Inspection | Rejection | ReaderDeath]]:
        for batch, future in tasks:
            found = self.finish(future)
            if isinstance(found, list):
                yield from zip(batch, map(_judge, found), strict=True)
            else:
                yield from zip(batch, self._inspect_alone(batch, found), strict=True)

    def run(
        self, function: "Callable[..., _Read]", *arguments: object
    ) -> "_Read | Rejection | ReaderDeath":
        """Call another function with one file, within the same limits, and wait for it."""
        future: Future[_Read] = self._pool.schedule(
            function, args=arguments, timeout=self._timeout_s
        )
        return self.finish(future)

    def start_reading(
        self,
        path: bytes,
        sha256: str,
        policy: EligibilityPolicy,
        preprocessing: Preprocessing,
    ) -> "Future[Reading | Rejection]":
        """Begin to turn one file into a model input; collect it with `finish`."""
        future: Future[Reading | Rejection] = self._pool.schedule(
            tasks.read,
            args=(path, sha256, self._limits, policy, preprocessing),
            timeout=self._timeout_s,
        )
        return future

    def finish(self, future: "Future[_Read]") -> "_Read | Rejection | ReaderDeath":
        """Wait for one file: what was read, why the file could not be had, or a reader's death.

        Raises
        ------
        ReaderError
            If this pool was ended meanwhile, by another thread: that is no fault of the file.
        """
        found = self._wait_for(future)
        if self._is_ended and isinstance(found, ReaderDeath):
            raise ReaderError("the reader processes were ended while a file was being read")
        return found

    def _wait_for(self, future: "Future[_Read]") -> "_Read | Rejection | ReaderDeath":
        try:
            return future.result()
        except ProcessExpired as error:  # before OSError, of which it is a kind
            return ReaderDeath(
                Rejection(
                    ReasonCode.READER_CRASHED,
                    f"decoding it ended the reader process (exit status {error.exitcode})",
                )
            )
        except TimeoutError:  # likewise
            return ReaderDeath(
                Rejection(
                    ReasonCode.READER_TIMEOUT,
                    f"reading took longer than {self._timeout_s:g} s and was ended",
                )
            )
        except OSError as error:
            return _reject_unreadable(error)
        except Exception as error:  # noqa: BLE001 - whatever a file provokes costs that file alone
            if not self._is_ended:
                _log.error("reader_failed", error=repr(error), exc_info=error)
            return ReaderDeath(
                Rejection(
                    ReasonCode.READER_CRASHED,
                    f"reading it failed in a way nobody foresaw ({type(error).__name__}); "
                    "report this with the log's reader_failed",
                )
            )

    def _start_inspection(self, batch: Sequence[SourceFile]) -> "Future[_Inspections]":
        future: Future[_Inspections] = self._pool.schedule(
            tasks.inspect,
            args=([source.path for source in batch], self._limits),
            timeout=self._timeout_s,
        )
        return future

    def _inspect_alone(
        self, batch: Sequence[SourceFile], failure: Rejection | ReaderDeath
    ) -> Iterator[Inspection | Rejection | ReaderDeath]:
        """Read each file of a failed batch alone: only one of them ended the reader."""
        if len(batch) == 1:
            yield failure
            return
        for source in batch:
            found = self.finish(self._start_inspection([source]))
            yield _judge(found[0]) if isinstance(found, list) else found


def _judge(found: Inspection | OSError) -> Inspection | Rejection:
    return found if isinstance(found, Inspection) else _reject_unreadable(found)


def _reject_unreadable(error: OSError) -> Rejection:
    if isinstance(error, FileNotFoundError):
        return Rejection(ReasonCode.SOURCE_MISSING, "the file is no longer where it was found")
    return Rejection(
        ReasonCode.SOURCE_UNREADABLE,
        f"the file cannot be read: {error.strerror or 'unknown cause'}",
    )


def _ignore(future: "Future[None]") -> None:
    """Ignore the outcome of a warm-up task: a reader that cannot start fails at its first file."""
