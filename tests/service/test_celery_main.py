"""Celery's own commands, over real servers."""

import signal
import socket
import subprocess
from pathlib import Path

import pytest

from tests.service.stack import PNEUMOSCREEN, REPOSITORY, Stack

pytestmark = pytest.mark.postgres

CELERY = (str(Path(PNEUMOSCREEN[0]).with_name("celery")), "-A")


def test_celerys_worker_and_beat_do_what_our_own_do(stack: Stack) -> None:
    # The watcher has no broker, so it sends no hints: the sweep of beat wakes the worker.
    stack.start_watcher(broker_url="redis://127.0.0.1:1/0")
    command = (*CELERY, "tests.service.celery_program")
    worker = stack.start((*command, "worker", "--loglevel=INFO"))
    beats = [stack.start((*CELERY, "worker.celery_main", "beat")) for _ in range(2)]
    stack.drop(20)
    stack.wait_for_terminal(20, 120)
    assert stack.states() == {"SCREENED": 20}
    assert stack.count("SELECT count(*) FROM job_run WHERE job = 'reprocess'") == 1
    stack.wait_for_heartbeat(worker)
    # With a destination it returns at the answer; without, it collects answers for a second.
    named = ("--destination", f"celery@{socket.gethostname()}", "--timeout", "60")
    answer = subprocess.run(
        (*command, "inspect", *named, "ping"),
        cwd=REPOSITORY,
        env={"PATH": "/usr/bin:/bin", "HOME": str(stack.folder), **stack.environment()},
        capture_output=True,
        text=True,
        check=True,
        timeout=120,
    )
    assert "pong" in answer.stdout
    for process in (worker, *beats):
        process.send_signal(signal.SIGTERM)
    assert [process.wait(120) for process in (worker, *beats)] == [0, 0, 0]


@pytest.mark.parametrize("program", ["worker", "beat"])
def test_without_a_database_they_say_so_in_one_line(stack: Stack, program: str) -> None:
    settings = {"database_url": "postgresql://root@127.0.0.1:1/none"}
    process = stack.start((*CELERY, "worker.celery_main", program), **settings)
    assert process.wait(120) == 1
    said = stack.log_text(process)
    assert "Traceback" not in said
    assert "pneumoscreen: database postgresql" in said


def test_without_a_broker_it_names_the_setting(tmp_path: Path) -> None:
    done = subprocess.run(
        (*CELERY, "worker.celery_main", "beat"),
        cwd=REPOSITORY,
        env={"PATH": "/usr/bin:/bin", "HOME": str(tmp_path)},
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert done.returncode == 1
    assert "set PNEUMOSCREEN_BROKER_URL" in done.stderr
    assert "Traceback" not in done.stderr
