"""The one Celery task: a hint came, so screen until nothing is left. It has no arguments.

This module must not know how rows are claimed, read or recorded.
"""

from collections.abc import Callable

from celery import Celery

from worker.service.celery_app import SCREEN_TASK


def add_screen_task(app: Celery, work: Callable[[], None]) -> None:
    """Make the application answer a hint by calling ``work``."""

    @app.task(name=SCREEN_TASK, shared=False)  # type: ignore[untyped-decorator]
    def screen() -> None:
        work()
