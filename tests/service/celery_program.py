"""`worker.celery_main` with a fake network: `celery -A tests.service.celery_program worker`."""

import worker.service.processes
from tests.worker.fakes import BrightnessClassifier

worker.service.processes.load_warm_classifier = lambda *_, **__: BrightnessClassifier()  # type: ignore[assignment]

from worker.celery_main import app  # noqa: E402 - it reads the settings; the fake comes first

__all__ = ["app"]
