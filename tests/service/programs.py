"""The real worker process, but for its network: a fake one, so that it starts in a second.

Fault tests ask it for more by ``FAKE_*`` variables: a slow network, a decoder with a fatal bug, or
one protection switched off, to see that the test fails without it.
"""

import os
import signal
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

import db.work.recording
import pipeline.reading
from tests.worker.fakes import BrightnessClassifier
from worker.cli.signals import stop_event
from worker.service.embedded import watch_embedded
from worker.service.processes import run_worker
from worker.startup import start

KILLER = b"kills its decoder"
ASSASSIN = b"kills the whole worker"
SLOW = b"takes for ever"


class SlowClassifier(BrightnessClassifier):
    def classify(self, pixels: NDArray[np.float32]) -> NDArray[np.float64]:
        time.sleep(float(os.environ.get("FAKE_DELAY_S", "0")))
        return super().classify(pixels)


def with_fatal_bugs(read: Callable[..., Any]) -> Callable[..., Any]:
    """Crash, hang, or take the worker along, over files that say so; otherwise read them.

    As native decoders do, and the kernel, when one needs too much memory and another is killed.
    """

    def read_or_die(path: bytes, *rest: object) -> Any:
        content = Path(os.fsdecode(path)).read_bytes()
        if KILLER in content:
            os.abort()
        if ASSASSIN in content:
            os.kill(os.getppid(), signal.SIGKILL)
        if SLOW in content:
            time.sleep(3600)
        return read(path, *rest)

    return read_or_die


def switch_off_fencing() -> None:
    """Record every outcome under whatever token is valid by now."""
    find_held = db.work.recording._find_held

    def find_any(session: Any, outcomes: Any) -> Any:
        for outcome in outcomes:
            row = session.get(db.work.recording.InstanceRow, outcome.claim.instance_id)
            object.__setattr__(outcome.claim, "lease_token", row.lease_token)
        return find_held(session, outcomes)

    db.work.recording._find_held = find_any


def main() -> None:
    if "FAKE_WITHOUT_FENCING" in os.environ:
        switch_off_fencing()
    if sys.argv[1:] == ["watch"]:
        settings = start()
        assert settings.inbox is not None
        watch_embedded(
            settings,
            [settings.inbox],
            stop_event(),
            lambda _scan: None,
            lambda _release: SlowClassifier(),
        )
        sys.exit()
    sys.exit(run_worker(start(), lambda _release: SlowClassifier()))


if __name__ == "__main__":
    main()
elif __name__ == "__mp_main__":  # in a reader process, where files are opened
    pipeline.reading.read_model_input = with_fatal_bugs(pipeline.reading.read_model_input)
