"""The distributed product as local processes: a database and a broker of its own, an inbox."""

import contextlib
import hashlib
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import uuid4

import psycopg
from redis import Redis
from sqlalchemy import Engine, create_engine, make_url, text

from db.connection.engine import open_database
from db.upkeep.upgrade import upgrade_schema
from pipeline.framing.preprocessing import Preprocessing
from pipeline.release import WEIGHTS_FILE, Calibration, ModelRelease, write_release
from pipeline.values.screening import OperatingPoints
from tests.worker.images import write_png

POSTGRES_URL = os.environ.get(
    "PNEUMOSCREEN_TEST_POSTGRES", "postgresql+psycopg://postgres@127.0.0.1:5432/postgres"
)
REPOSITORY = Path(__file__).parents[2]
WORKER = (sys.executable, "-m", "tests.service.programs")
PNEUMOSCREEN = (str(Path(sys.executable).with_name("pneumoscreen")),)


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], Any], timeout_s: float, what: str = "") -> float:
    """Wait for a condition; give the seconds it took."""
    began = time.monotonic()
    while not condition():
        if time.monotonic() - began > timeout_s:
            raise AssertionError(f"not within {timeout_s} s: {what or condition}")
        time.sleep(0.05)
    return time.monotonic() - began


def _inherited() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("PNEUMOSCREEN_")}


@dataclass
class RedisServer:
    """A Redis that a test may kill, stop and empty."""

    folder: Path
    host: str = "127.0.0.1"
    port: int = field(default_factory=free_port)
    process: "subprocess.Popen[bytes] | None" = None
    prefix: Sequence[str] = ()
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
        command = [*self.prefix, "redis-server"]
        for name, value in options.items():
            command += [f"--{name}", str(value)]
        command += arguments
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
        if not self.prefix:
            wait_until(self.answers, 10, "Redis answers")

    def answers(self) -> bool:
        with contextlib.suppress(OSError, Exception), self.client() as client:
            return bool(client.ping())
        return False

    def client(self) -> "Redis":
        return Redis(host=self.host, port=self.port, socket_timeout=2, password=self.password)

    def kill(self) -> None:
        if self.process is not None:
            self.process.send_signal(signal.SIGCONT)
            self.process.kill()
            self.process.wait()
            self.process = None

    def send_signal(self, number: int) -> None:
        assert self.process is not None
        self.process.send_signal(number)


def write_test_release(folder: Path, name: str = "test-release") -> Path:
    """Write a release that passes every check but holds no network: for fake ones."""
    folder.mkdir(parents=True, exist_ok=True)
    (folder / WEIGHTS_FILE).write_bytes(b"no weights")
    write_release(
        ModelRelease(
            name=name,
            architecture="resnet50v2",
            weights_sha256=hashlib.sha256(b"no weights").hexdigest(),
            preprocessing=Preprocessing(),
            calibration=Calibration(slope=1.0, offset=0.0),
            operating_points=OperatingPoints(high_sensitivity=0.3, high_specificity=0.7),
            created="2026-01-01",
        ),
        folder,
    )
    return folder


@contextlib.contextmanager
def empty_database(server_url: str = POSTGRES_URL) -> Iterator[str]:
    """Make a database of its own on a server, and drop it."""
    name = f"pneumoscreen_{uuid4().hex[:12]}"
    server = make_url(server_url)
    admin = server.set(drivername="postgresql").render_as_string(hide_password=False)
    with psycopg.connect(admin, autocommit=True) as connection:
        connection.execute(f"CREATE DATABASE {name}")
    url = server.set(database=name).render_as_string(hide_password=False)
    try:
        yield url
    finally:
        with psycopg.connect(admin, autocommit=True) as connection:
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
class Stack:
    """Processes over one database, one broker and one inbox; all ended with the test."""

    folder: Path
    database_url: str
    redis: RedisServer
    settings: dict[str, str] = field(default_factory=dict)
    processes: "list[subprocess.Popen[bytes]]" = field(default_factory=list)

    def __post_init__(self) -> None:
        self.inbox = self.folder / "inbox"
        self.inbox.mkdir(exist_ok=True)
        self.release = write_test_release(self.folder / "release")
        self.engine: Engine = create_engine(
            make_url(self.database_url).set(drivername="postgresql+psycopg"),
            isolation_level="AUTOCOMMIT",
            pool_pre_ping=True,
        )
        self.logs = 0

    def environment(self, **settings: object) -> dict[str, str]:
        given = {
            "database_url": self.database_url,
            "broker_url": self.redis.url,
            "inbox": self.inbox,
            "release": self.release,
            "readers": 1,
            "batch_size": 16,
            "settle_s": 0.3,
            "scan_interval_s": 0.3,
            "sweep_interval_s": 1,
            "lease_s": 4,
            "log_level": "INFO",
            "log_format": "json",
            **self.settings,
            **settings,
        }
        return {f"PNEUMOSCREEN_{k.upper()}": str(v) for k, v in given.items()}

    def start(
        self, command: Sequence[str], prefix: Sequence[str] = (), **settings: object
    ) -> "subprocess.Popen[bytes]":
        return self.start_plain([*prefix, *command], self.environment(**settings))

    def start_plain(
        self, command: Sequence[str], environment: Mapping[str, str]
    ) -> "subprocess.Popen[bytes]":
        """Start a program with just these of the product's settings."""
        self.logs += 1
        name = f"{command[-1].rpartition('.')[2]}-{self.logs}.log"
        with (self.folder / name).open("wb") as log:
            process = subprocess.Popen(
                command,
                cwd=REPOSITORY,
                env={**_inherited(), **environment},
                stdout=log,
                stderr=subprocess.STDOUT,
            )
        self.processes.append(process)
        return process

    def start_watcher(self, **settings: object) -> "subprocess.Popen[bytes]":
        return self.start((*PNEUMOSCREEN, "watch"), **settings)

    def start_worker(
        self,
        *,
        delay_s: float = 0,
        fenced: bool = True,
        prefix: Sequence[str] = (),
        **settings: object,
    ) -> "subprocess.Popen[bytes]":
        """Start a worker with a fake network that takes so long a batch."""
        fakes = {"FAKE_DELAY_S": str(delay_s)} | ({} if fenced else {"FAKE_WITHOUT_FENCING": "1"})
        return self.start_plain([*prefix, *WORKER], self.environment(**settings) | fakes)

    def start_beat(self, **settings: object) -> "subprocess.Popen[bytes]":
        return self.start((*PNEUMOSCREEN, "beat"), **settings)

    def log_text(self, process: "subprocess.Popen[bytes] | None" = None) -> str:
        """Give what one process logged, or all of them."""
        pattern = "*.log" if process is None else f"*-{self.processes.index(process) + 1}.log"
        return "".join(p.read_text(errors="replace") for p in sorted(self.folder.glob(pattern)))

    def drop(self, count: int, start: int = 0, folder: Path | None = None) -> list[Path]:
        """Put distinct images into the inbox, each written aside and renamed."""
        aside = self.folder / "aside"
        aside.mkdir(exist_ok=True)
        paths = []
        for number in range(start, start + count):
            draft = write_png(aside / f"{number}.png", (number % 17) / 17, seed=number)
            path = (folder or self.inbox) / draft.name
            draft.rename(path)
            paths.append(path)
        return paths

    def query(self, sql: str, values: Mapping[str, object] | None = None) -> Sequence[Any]:
        with self.engine.connect() as connection:
            return connection.execute(text(sql), values or {}).all()

    def count(self, sql: str) -> int:
        return int(self.query(sql)[0][0])

    def states(self) -> dict[str, int]:
        return dict(self.query("SELECT state, count(*) FROM instance GROUP BY state"))  # type: ignore[arg-type]

    def due(self) -> int:
        """Count what a worker could claim now."""
        return self.count("SELECT count(*) FROM instance WHERE claimable_at <= now()")

    def longest_claim_s(self) -> float:
        """Give the longest time from a claim that came to nothing to the row's next claim."""
        found = self.query(
            "SELECT extract(epoch FROM max(next - occurred_at)) FROM (SELECT occurred_at, "
            "lead(occurred_at) OVER (PARTITION BY instance_id ORDER BY event_id) AS next FROM "
            "event WHERE kind = 'CLAIMED') claims"
        )
        return float(found[0][0] or 0)

    def terminal(self) -> int:
        return self.count("SELECT count(*) FROM instance WHERE claimable_at IS NULL")

    def wait_for_terminal(self, count: int, timeout_s: float) -> float:
        return wait_until(
            lambda: self.terminal() >= count, timeout_s, f"{count} terminal rows: {self.states()}"
        )

    def results(self) -> dict[str, tuple[float, str]]:
        """Give probability and band by digest: what must be equal to an undisturbed run's."""
        return {
            row.sha256: (row.probability, row.band)
            for row in self.query(
                "SELECT sha256, f.probability, f.band FROM instance i JOIN screening s USING "
                "(instance_id) JOIN finding f USING (screening_id)"
            )
        }

    def close(self) -> None:
        for process in self.processes:
            if process.poll() is None:
                with contextlib.suppress(ProcessLookupError):
                    process.send_signal(signal.SIGCONT)
                process.kill()
        for process in self.processes:
            process.wait()
        self.engine.dispose()
        self.redis.kill()


@contextlib.contextmanager
def open_stack(folder: Path, **settings: object) -> Iterator[Stack]:
    """Start a broker and make a database, for processes to be started over them."""
    redis = RedisServer(folder / "redis")
    redis.start()
    with postgres_database() as url:
        stack = Stack(folder, url, redis, {k: str(v) for k, v in settings.items()})
        try:
            yield stack
        finally:
            stack.close()


def servers_are_missing() -> str | None:
    """Say which server a test machine lacks."""
    if shutil.which("redis-server") is None:
        return "redis-server is not installed"
    try:
        psycopg.connect(
            make_url(POSTGRES_URL)
            .set(drivername="postgresql")
            .render_as_string(hide_password=False),
            connect_timeout=2,
        ).close()
    except psycopg.OperationalError:
        return "no PostgreSQL server"
    return None
