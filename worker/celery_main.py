"""The product for Celery's own commands: `celery -A worker.celery_main worker`, `beat`, `inspect`.

For sites whose supervisors, dashboards and habits know Celery. They do what `pneumoscreen worker`
and `pneumoscreen beat` do, by the same functions; importing this module reads the settings.
"""

from contextlib import ExitStack
from typing import Any, NoReturn

from celery import bootsteps
from celery.beat import Scheduler

from pipeline.errors import PneumoscreenError
from worker.heartbeat import Heartbeat
from worker.service.celery_app import create_app
from worker.service.processes import heartbeat_step, open_schedule, serving
from worker.startup import start


def _end(error: PneumoscreenError) -> NoReturn:
    """End Celery's command as `pneumoscreen` ends, in one line; Celery would print a traceback."""
    raise SystemExit(f"pneumoscreen: {error}") from error


class Serving(bootsteps.StartStopStep):  # type: ignore[misc]
    """Opens the database, the readers and the network before a worker takes its first hint."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, **options: Any) -> None:  # noqa: ANN401 - Celery's worker
        super().__init__(parent, **options)
        self._opened = ExitStack()

    def start(self, _parent: Any) -> None:  # noqa: ANN401
        """Begin; the worker starts to consume after this."""
        try:
            self._opened.enter_context(serving(app, settings))
        except PneumoscreenError as error:
            _end(error)

    def stop(self, _parent: Any) -> None:  # noqa: ANN401
        """Hand back what was claimed and not begun, and end the readers."""
        self._opened.close()


class JobScheduler(Scheduler):  # type: ignore[misc]
    """Drives the site's jobs by the monotonic clock, in Celery beat's process.

    Celery's own schedulers decide by the wall clock, and have a worker do the job that is to wake
    the workers: docs/decisions/0009-own-schedule.md.
    """

    def setup_schedule(self) -> None:
        """Open the database; called once, before the first tick."""
        self._opened = ExitStack()
        try:
            self._jobs = self._opened.enter_context(open_schedule(app, settings))
        except PneumoscreenError as error:
            _end(error)

    def tick(self, *_args: object, **_options: object) -> float:
        """Do what is due; give the seconds until the next job is."""
        self._jobs.run_due()
        return self._jobs.seconds_until_due()

    def close(self) -> None:
        """Close the database; called at the end, perhaps twice."""
        self._opened.close()


try:
    settings = start()
    app = create_app(settings)
except PneumoscreenError as error:
    _end(error)
app.steps["worker"].update({Serving, heartbeat_step(Heartbeat(settings.heartbeat))})
