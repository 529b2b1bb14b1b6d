"""The servers that tests run on: PostgreSQL databases and Redis processes of a test's own."""

import contextlib
import os
import shutil
import signal
import socket
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from random import SystemRandom
from uuid import uuid4

import psycopg
from redis import Redis
from redis.exceptions import RedisError
from sqlalchemy import make_url

from db.connection.engine import open_database
from db.upkeep.upgrade import upgrade_schema
from tests.waiting import wait_until

POSTGRES_URL = os.environ.get(
    "PNEUMOSCREEN_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
)


def free_port() -> int:
    """Give a port below those of outgoing connections: none takes it while its server is down."""
    while True:
        port = SystemRandom().randrange(20_000, 32_000)
        with contextlib.suppress(OSError), socket.socket() as probe:
            probe.bind(("127.0.0.1", port))
            return port


def postgres_is_missing() -> str | None:
    try:
        psycopg.connect(_libpq_url(POSTGRES_URL), connect_timeout=10).close()
    except psycopg.OperationalError:
        return "no PostgreSQL server answers (PNEUMOSCREEN_TEST_POSTGRES)"
    return None


def redis_is_missing() -> str | None:
    return None if shutil.which("redis-server") else "redis-server is not installed"


def _libpq_url(url: str, **changes: str) -> str:
    server = make_url(url).set(drivername="postgresql", **changes)
    return server.render_as_string(hide_password=False)


@contextlib.contextmanager
def empty_database(server_url: str = POSTGRES_URL) -> Iterator[str]:
    """Make a database of its own on a server, and drop it."""
    name = f"pneumoscreen_test_{uuid4().hex}"
    with psycopg.connect(_libpq_url(server_url), autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    try:
        yield make_url(server_url).set(database=name).render_as_string(hide_password=False)
    finally:
        with psycopg.connect(_libpq_url(server_url), autocommit=True) as connection:
            connection.execute(f"DROP DATABASE {name} WITH (FORCE)")


@contextlib.contextmanager
def postgres_database(server_url: str = POSTGRES_URL) -> Iterator[str]:
    """Make a database of its own, with the product's tables, and drop it."""
    with empty_database(server_url) as url:
        engine = open_database(url)
        upgrade_schema(engine)
        engine.dispose()
        yield url


@dataclass
class RedisServer:
    """A Redis that a test may kill, stop and empty."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    password: str | None = None

    @property
    def url(self) -> str:
        return f"redis://{self.host}:{self.port}/0"

    def start(self, arguments: Sequence[str] = ()) -> None:
        self.folder.mkdir(exist_ok=True)
        options = {
            "port": self.port,
            "bind": self.host,
            "dir": self.folder,
            "save": "",
            "appendonly": "yes",
            "protected-mode": "no",
        }
        command = ["redis-server"]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        command += arguments
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        wait_until(self.answers, 60, "Redis answers")

    def answers(self) -> bool:
        """Whether this very server answers, and no other that was quicker to take its port."""
        assert self.process is not None
        assert self.process.poll() is None, f"Redis did not start on port {self.port}"
        with contextlib.suppress(OSError, RedisError), self.client() as client:
            return client.info("server")["process_id"] == self.process.pid
        return False

    def client(self) -> "Redis":
        return Redis(host=self.host, port=self.port, socket_timeout=30, password=self.password)

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    def send_signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)
