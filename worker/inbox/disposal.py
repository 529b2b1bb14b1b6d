"""Disposal of source files: kept, archived or deleted once their result is committed.

This module must not know what a file holds, and must not touch a file that changed since it was
registered.
"""

import hashlib
import os
import shutil
from collections.abc import Collection
from pathlib import Path
from typing import Final

import structlog
from sqlalchemy import Engine

from db.connection.engine import read_session, write_session
from db.instances.arrivals import SourceFile
from db.instances.finished_files import FinishedFile, find_finished, note_move
from worker.clock import Clock
from worker.settings import SourcePolicy

_FILES_AT_ONCE: Final = 1_000
_log = structlog.get_logger()


class SourceFileDisposal:
    """Applies the source policy to the files of an inbox.

    Parameters
    ----------
    archive
        Root of the archive tree, for that policy: year/month/day/digest, so that no name of a
        child or of a file is in it.
    """

    def __init__(
        self, policy: SourcePolicy, archive: Path | None, engine: Engine, clock: Clock
    ) -> None:
        if (policy is SourcePolicy.ARCHIVE) != (archive is not None):
            raise ValueError("the policy ARCHIVE, and no other, needs an archive")
        self._policy = policy
        self._archive = archive
        self._engine = engine
        self._clock = clock
        # Files are examined in turns, so that those which stay (quarantined ones) delay no others.
        self._queue: list[SourceFile] = []

    def dispose(self, registered: Collection[SourceFile]) -> int:
        """Apply the policy to some of the files that have a row; give the number dealt with.

        A file that cannot be moved or removed is left and logged; it is tried again.

        Raises
        ------
        DatabaseError
            If the database cannot be used.
        """
        if self._policy is SourcePolicy.KEEP:
            return 0
        self._queue = self._queue or list(registered)
        examined, self._queue = self._queue[:_FILES_AT_ONCE], self._queue[_FILES_AT_ONCE:]
        with read_session(self._engine) as session:
            finished = find_finished(session, examined)
        done = 0
        for each in finished:
            try:
                done += self._dispose_of(each)
            except OSError as error:
                _log.error("source_left", sha256=each.sha256, detail=error.strerror)
        if done:
            _log.info("sources_put_away", files=done, policy=self._policy)
        return done

    def _dispose_of(self, finished: FinishedFile) -> bool:
        path = Path(os.fsdecode(finished.source.path))
        if not _is_unchanged(path, finished.source):
            return False
        sidecar = path.with_suffix(".json")
        if self._archive is not None:
            sha256 = finished.sha256 or _digest(path)
            now = self._clock.now()
            target = self._archive / f"{now:%Y/%m/%d}" / sha256
            self._copy(path, sidecar, target, sha256)
            with write_session(self._engine) as session:
                note_move(session, finished.source.path, _stat(target), now)
        _remove(path, finished.source)
        if path.suffix != sidecar.suffix:
            sidecar.unlink(missing_ok=True)
        return True

    @staticmethod
    def _copy(path: Path, sidecar: Path, target: Path, sha256: str) -> None:
        target.parent.mkdir(parents=True, exist_ok=True)
        if not target.exists() or _digest(target) != sha256:
            _link_or_copy(path, target)
            if _digest(target) != sha256:
                target.unlink()
                raise OSError(0, "the copy has another digest")
        if sidecar.is_file() and path.suffix != sidecar.suffix:
            _link_or_copy(sidecar, target.with_suffix(sidecar.suffix))


def _link_or_copy(path: Path, target: Path) -> None:
    """Link a file to another name; on another file system copy it, whole or not at all."""
    draft = target.with_name(f".{target.name}.part")
    draft.unlink(missing_ok=True)
    try:
        os.link(path, draft, follow_symlinks=False)
    except OSError:
        shutil.copy2(path, draft, follow_symlinks=False)
        with draft.open("rb") as file:
            os.fsync(file.fileno())
    draft.replace(target)


def _remove(path: Path, source: SourceFile) -> None:
    """Remove a file, unless another file has just taken its place."""
    aside = path.with_name(f".{source.inode:x}.done")  # hidden: no scan registers it
    path.rename(aside)
    if aside.lstat().st_ino != source.inode:
        aside.rename(path)
        return
    aside.unlink()


def _is_unchanged(path: Path, source: SourceFile) -> bool:
    try:
        return _stat(path) == source
    except FileNotFoundError:
        return False


def _stat(path: Path) -> SourceFile:
    status = path.lstat()
    return SourceFile(os.fsencode(path), status.st_size, status.st_mtime_ns, status.st_ino)


def _digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()
