"""The Celery application: how hints travel, and nothing else.

A hint says only "there is work in this lane". It carries nothing, so that losing, repeating or
reordering one costs time, never a study. This module must not know what the work is.
"""

from typing import Any, Final

from celery import Celery

from pipeline.codes import Lane
from worker.settings import Settings, SettingsError

# Queues are served in this order, as the lanes are claimed.
QUEUES: Final = {Lane.URGENT: "urgent", Lane.BACKFILL: "backfill"}
SCREEN_TASK: Final = "pneumoscreen.screen"
# A Redis that hangs, or a cut cable, is noticed within this time instead of never.
_SOCKET_TIMEOUT_S: Final = 5.0
_HEALTH_CHECK_S: Final = 10
_LONGEST_RECONNECT_PAUSE_S: Final = 10


def create_app(settings: Settings) -> Celery:
    """Make the application that sends and receives hints through the settings' broker.

    Raises
    ------
    SettingsError
        If no broker is set: the embedded product has no use for one.
    """
    if settings.broker_url is None:
        raise SettingsError(
            "no broker is set; set PNEUMOSCREEN_BROKER_URL (redis://host:6379/0), or use "
            "`pneumoscreen watch` without one"
        )
    app = Celery("pneumoscreen", broker=settings.broker_url, set_as_current=False)
    app.conf.update(_configuration(settings))
    return app


def _configuration(settings: Settings) -> dict[str, Any]:
    return {
        "task_serializer": "json",
        "accept_content": ["json"],
        "task_ignore_result": True,
        "task_acks_late": True,
        "task_reject_on_worker_lost": True,
        "worker_prefetch_multiplier": 1,
        # TensorFlow survives no fork, and one process has the whole device.
        "worker_pool": "solo",
        "worker_concurrency": 1,
        "task_queues": {name: {} for name in QUEUES.values()},
        "task_default_queue": QUEUES[Lane.URGENT],
        "task_create_missing_queues": False,
        "enable_utc": True,
        # A task that works off a whole backlog goes on without the broker; its leases hold it.
        "worker_cancel_long_running_tasks_on_connection_loss": False,
        "worker_enable_prefetch_count_reduction": False,
        "broker_connection_retry_on_startup": True,
        "broker_connection_max_retries": None,
        "broker_transport_options": {
            "queue_order_strategy": "priority",
            # Above the longest batch: its lease. A hint that comes back early is harmless.
            "visibility_timeout": round(max(600.0, 2 * settings.lease_s)),
            "socket_timeout": _SOCKET_TIMEOUT_S,
            "socket_connect_timeout": _SOCKET_TIMEOUT_S,
            "socket_keepalive": True,
            "health_check_interval": _HEALTH_CHECK_S,
            "retry_on_timeout": False,
            "max_retries": 1,
            "interval_max": _LONGEST_RECONNECT_PAUSE_S,
        },
        "worker_hijack_root_logger": False,
        "worker_redirect_stdouts": False,
        "worker_send_task_events": False,
        "beat_scheduler": "worker.celery_main:JobScheduler",
    }
