"""Follows a file system's events (inotify), which bring a watcher's next rescan forward.

An event is only a reason to scan: what changed, the scan finds. Where there are no events, files
wait for the regular rescan. This module must not know what a file is.
"""

import errno
from pathlib import Path
from threading import Event
from typing import Final

import structlog
from watchfiles import watch

from worker.inbox.mounts import find_remote_type

_DEBOUNCE_MS: Final = 50
# How often to check whether the inbox is still the same folder, or another was mounted there.
_CHECK_MS: Final = 2_000
_RETRY_S: Final = 60.0
# The notifier ends over a name that is no text. A file arrived, so that counts as a change.
_NO_TEXT: Final = "unable to decode path"
_PAUSE_AFTER_NO_TEXT_S: Final = 1.0
_log = structlog.get_logger()


def follow_events(inbox: Path, changed: Event, stop: Event, *, retry_s: float = _RETRY_S) -> None:
    """Set ``changed`` whenever something happens below a folder, until ``stop`` is set.

    Returns at once on a file system where events do not fire. Where the notifier fails (a limit of
    the host, an inbox that is away), it is tried again later. Each is logged in one line.
    """
    if remote_type := find_remote_type(inbox):
        _log.info("file_events_off", detail=f"events do not fire on {remote_type}: rescans only")
        return
    while not stop.is_set():
        try:
            _follow(inbox, changed, stop)
        except (OSError, RuntimeError) as error:  # as the notifier's own errors are
            changed.set()
            if _NO_TEXT in str(error).lower():
                stop.wait(_PAUSE_AFTER_NO_TEXT_S)
            else:
                _log.warning("file_events_unavailable", detail=_explain(error), retry_in_s=retry_s)
                stop.wait(retry_s)
        changed.set()  # for whatever happened in between


def _follow(inbox: Path, changed: Event, stop: Event) -> None:
    """Follow one folder until another takes its place: a share that was mounted again, say."""
    folder = _identity(inbox)
    for changes in watch(
        inbox,
        watch_filter=None,
        debounce=_DEBOUNCE_MS,
        rust_timeout=_CHECK_MS,
        yield_on_timeout=True,
        stop_event=stop,
        force_polling=False,
        ignore_permission_denied=True,
    ):
        if changes:
            changed.set()
        elif _identity(inbox) != folder:
            return


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _explain(error: Exception) -> str:
    """Describe a failure without the notifier's message, which may hold the name of a file."""
    words = str(error).lower()
    if "limit" in words or "too many open files" in words:
        return (
            "the host's limit of inotify watches or instances is reached; raise "
            "fs.inotify.max_user_watches and max_user_instances. Until then rescans only"
        )
    if isinstance(error, OSError) and error.errno is not None:
        return f"{errno.errorcode.get(error.errno, error.errno)} at the inbox; rescans only"
    return f"the notifier failed ({type(error).__name__}); rescans only"
