"""Tells a watcher that something happened in its inbox, so that it looks sooner than it would.

Only ever a reason to look: what there is to see, the rescan finds. This module must not know what
a file is; and where events cannot be had, nothing is lost but the time until the next rescan.
"""

import errno
from pathlib import Path
from threading import Event
from typing import Final

import structlog
from watchfiles import watch

from worker.inbox.mounts import find_remote_type

_DEBOUNCE_MS: Final = 50
# How often it is looked whether the inbox is still the same folder, or another was mounted there.
_CHECK_MS: Final = 2_000
_RETRY_S: Final = 60.0
# The notifier cannot pass on a name that is no text, and ends; that too is news, and no fault.
_NO_TEXT: Final = "unable to decode path"
_PAUSE_AFTER_NO_TEXT_S: Final = 1.0
_log = structlog.get_logger()


def follow_events(inbox: Path, news: Event, stop: Event, *, retry_s: float = _RETRY_S) -> None:
    """Set ``news`` whenever something happens below a folder, until ``stop`` is set.

    Where events are known not to fire it returns at once; where they cannot be had (a limit of the
    host, an inbox that is away) it tries again later. Either is said in one line.
    """
    if remote_type := find_remote_type(inbox):
        _log.info("file_events_off", detail=f"events do not fire on {remote_type}: rescans only")
        return
    while not stop.is_set():
        try:
            _follow(inbox, news, stop)
        except (OSError, RuntimeError) as error:  # as the notifier's own errors are
            news.set()
            if _NO_TEXT in str(error).lower():
                stop.wait(_PAUSE_AFTER_NO_TEXT_S)
            else:
                _log.warning("file_events_unavailable", detail=_explain(error), retry_in_s=retry_s)
                stop.wait(retry_s)
        news.set()  # for whatever happened in between


def _follow(inbox: Path, news: Event, stop: Event) -> None:
    """Follow one folder until it is another: a share that went and came, say."""
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
            news.set()
        elif _identity(inbox) != folder:
            return


def _identity(folder: Path) -> tuple[int, int]:
    status = folder.stat()
    return status.st_dev, status.st_ino


def _explain(error: Exception) -> str:
    """Say what is wrong without the notifier's own words, which may hold the name of a file."""
    words = str(error).lower()
    if "limit" in words or "too many open files" in words:
        return (
            "the host's limit of inotify watches or instances is reached; raise "
            "fs.inotify.max_user_watches and max_user_instances. Until then rescans only"
        )
    if isinstance(error, OSError) and error.errno is not None:
        return f"{errno.errorcode.get(error.errno, error.errno)} at the inbox; rescans only"
    return f"the notifier failed ({type(error).__name__}); rescans only"
