"""Runs what docker-compose.yml says, each service's own command and environment, without Docker."""

import os
import re
import shutil
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from sqlalchemy import make_url

from tests.servers import POSTGRES_URL, RedisServer, empty_database
from tests.service.real_release import write_real_release
from tests.service.stack import PNEUMOSCREEN, REPOSITORY, Stack
from tests.waiting import wait_until
from worker.settings import ENVIRONMENT_PREFIX, Settings

FILE = REPOSITORY / "docker-compose.yml"
OWN = ("migrate", "watcher", "worker-cpu", "worker-gpu", "beat")
_VARIABLE = re.compile(r"\$\{(\w+)(?::[-?]([^}]*))?\}")


def example_environment() -> dict[str, str]:
    lines = (REPOSITORY / ".env.example").read_text().splitlines()
    return dict(line.split("=", 1) for line in lines if line and not line.startswith("#"))


def read_services(environment: dict[str, str]) -> dict[str, Any]:
    """Read the file as Compose does: variables of .env in place of their names."""
    text = _VARIABLE.sub(lambda found: environment.get(found[1]) or found[2], FILE.read_text())
    services: dict[str, Any] = yaml.safe_load(text)["services"]
    return services


@pytest.fixture
def services() -> dict[str, Any]:
    return read_services(example_environment())


@pytest.mark.skipif(shutil.which("docker-compose") is None, reason="docker-compose is missing")
def test_compose_accepts_the_file(tmp_path: Path) -> None:
    command = ["docker-compose", "--env-file", ".env.example", "--profile", "gpu", "config"]
    done = subprocess.run(
        command, cwd=REPOSITORY, capture_output=True, text=True, check=False, timeout=120
    )
    assert done.returncode == 0, done.stderr
    assert set(yaml.safe_load(done.stdout)["services"]) == {*OWN, "redis", "postgres"}
    without = subprocess.run(
        [command[0], "-f", str(FILE), "config"],
        cwd=tmp_path,
        capture_output=True,
        text=True,
        check=False,
        timeout=120,
    )
    assert "see .env.example" in without.stderr


def test_every_variable_is_explained_in_the_example() -> None:
    used = {found[1] for found in _VARIABLE.finditer(FILE.read_text())}
    assert used == set(example_environment())


def test_every_setting_that_is_passed_exists(services: dict[str, Any]) -> None:
    for name in OWN:
        for variable in services[name]["environment"]:
            if variable.startswith(ENVIRONMENT_PREFIX):
                assert variable.removeprefix(ENVIRONMENT_PREFIX).lower() in Settings.model_fields


def test_no_service_is_root_or_writes_outside_its_volumes(services: dict[str, Any]) -> None:
    for name, service in services.items():
        assert service["user"] not in {"root", "0", "0:0"}, name
        assert service["read_only"], name
        assert service["cap_drop"] == ["ALL"], name
        assert service["restart"] == ("no" if name == "migrate" else "unless-stopped")
        assert "healthcheck" in service


def test_workers_cannot_write_to_the_inbox(services: dict[str, Any]) -> None:
    for name in ("worker-cpu", "worker-gpu"):
        assert services[name]["volumes"][0].endswith(":/inbox:ro")


def test_only_migrate_has_the_owners_password(services: dict[str, Any]) -> None:
    owners = example_environment()["POSTGRES_PASSWORD"]
    assert [name for name in OWN if owners in services[name]["environment"].values()] == []
    urls = {name: services[name]["environment"].get("PNEUMOSCREEN_DATABASE_URL") for name in OWN}
    users = {name: make_url(url).username for name, url in urls.items()}
    assert users.pop("migrate") == "pneumoscreen"
    assert set(users.values()) == {"pneumoscreen_service"}
    passwords = {make_url(url).password for name, url in urls.items() if name != "migrate"}
    assert passwords == {example_environment()["SERVICE_PASSWORD"]}


@pytest.fixture
def composed(servers: None, tmp_path: Path) -> Iterator[Stack]:  # noqa: ARG001
    """Redis as the file starts it, and an empty database."""
    redis = RedisServer(tmp_path / "redis", password=example_environment()["REDIS_PASSWORD"])
    command = read_services(example_environment())["redis"]["command"]
    redis.start(command[1:])
    with empty_database() as url:
        stack = Stack(tmp_path, url, redis)
        try:
            yield stack
        finally:
            stack.close()


@pytest.mark.postgres
@pytest.mark.tensorflow
@pytest.mark.timeout(900)  # TensorFlow starts in 20 s, or in minutes on a machine that is busy
def test_what_the_file_says_screens_a_radiograph(composed: Stack, tmp_path: Path) -> None:
    services = read_services(example_environment())
    owner = make_url(POSTGRES_URL).set(database=make_url(composed.database_url).database)

    def local(url: str) -> str:
        """Give a service's own user on this machine's server; the image's owner is a superuser."""
        user = make_url(url).username
        here = owner if user == "pneumoscreen" else owner.set(username=user, password=None)
        return here.render_as_string(hide_password=False)

    def start(name: str) -> "subprocess.Popen[bytes]":
        service = services[name]
        environment = {
            variable: re.sub(r"postgresql://\S+", lambda found: local(found[0]), value)
            .replace("@redis:6379", f"@127.0.0.1:{composed.redis.port}")
            .replace("/tmp/", f"{tmp_path / name}/")  # noqa: S108 - the container's own
            for variable, value in service["environment"].items()
        }
        environment["PNEUMOSCREEN_INBOX"] = str(composed.inbox)
        (tmp_path / name).mkdir()
        # The network of this test has random weights; a machine has two cores, not a GPU.
        extra = {"PNEUMOSCREEN_RELEASE": str(release), "PNEUMOSCREEN_READERS": "1"}
        return composed.start_plain((*PNEUMOSCREEN, *service["command"]), environment | extra)

    release = write_real_release(tmp_path / "release")
    assert start("migrate").wait(180) == 0
    watcher, worker, beat = (start(name) for name in ("watcher", "worker-cpu", "beat"))
    composed.drop(3)
    composed.wait_for_terminal(3, 600)
    assert composed.states() == {"SCREENED": 3}
    users = composed.query(
        "SELECT DISTINCT usename FROM pg_stat_activity WHERE application_name = 'pneumoscreen' "
        "AND datname = current_database() AND pid <> pg_backend_pid()"
    )
    assert {row.usename for row in users} == {"pneumoscreen_service"}
    for name in ("watcher", "worker-cpu", "beat"):
        wait_until((tmp_path / name / "alive").exists, 120, f"{name} gives a sign of life")
    healthy = composed.start_plain(
        (*PNEUMOSCREEN, "health"),
        {"PNEUMOSCREEN_HEARTBEAT": str(tmp_path / "worker-cpu" / "alive")},
    )
    assert healthy.wait(180) == 0
    for process in (watcher, worker, beat):
        process.terminate()
    assert [process.wait(180) for process in (watcher, worker, beat)] == [0, 0, 0]
    os.utime(tmp_path / "worker-cpu" / "alive", (1, 1))
    dead = composed.start_plain(
        (*PNEUMOSCREEN, "health"),
        {"PNEUMOSCREEN_HEARTBEAT": str(tmp_path / "worker-cpu" / "alive")},
    )
    assert dead.wait(180) == 1
