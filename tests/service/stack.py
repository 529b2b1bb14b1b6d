"""The distributed product as local processes: a database and a broker of its own, an inbox."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, create_engine, make_url, text

from tests.releases import write_test_release
from tests.servers import RedisServer, postgres_database
from tests.waiting import wait_until
from tests.worker.images import write_png

REPOSITORY = Path(__file__).parents[2]
WORKER = (sys.executable, "-m", "tests.service.programs")
PNEUMOSCREEN = (str(Path(sys.executable).with_name("pneumoscreen")),)


def _inherited() -> dict[str, str]:
    return {k: v for k, v in os.environ.items() if not k.startswith("PNEUMOSCREEN_")}


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
        # Half a day from now: a test that runs while a night begins would see two of them.
        self.nightly_at = f"{datetime.now(UTC) + timedelta(hours=12):%H:%M}"

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
            "nightly_at": self.nightly_at,
            "log_level": "INFO",
            "log_format": "json",
            **self.settings,
            **settings,
        }
        return {f"PNEUMOSCREEN_{k.upper()}": str(v) for k, v in given.items()}

    def start(
        self, command: Sequence[str], prefix: Sequence[str] = (), **settings: object
    ) -> "subprocess.Popen[bytes]":
        """Start a command with the stack's settings and a heartbeat of its own."""
        settings = {"heartbeat": self._heartbeat(len(self.processes)), **settings}
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
        settings = {"heartbeat": self._heartbeat(len(self.processes)), **settings}
        return self.start_plain([*prefix, *WORKER], self.environment(**settings) | fakes)

    def start_beat(self, **settings: object) -> "subprocess.Popen[bytes]":
        return self.start((*PNEUMOSCREEN, "beat"), **settings)

    def start_service(
        self, *, beat: bool = True, **settings: object
    ) -> "tuple[subprocess.Popen[bytes], subprocess.Popen[bytes]]":
        """Start a watcher, a worker and, if asked to, a scheduler; give the first two."""
        watcher, worker = self.start_watcher(**settings), self.start_worker(**settings)
        if beat:
            self.start_beat(**settings)
        return watcher, worker

    def all_alive(self) -> bool:
        return all(process.poll() is None for process in self.processes)

    def wait_for_heartbeat(self, process: "subprocess.Popen[bytes]") -> int:
        """Wait until a process has begun its work; give when it last said so (mtime_ns)."""
        file = self._heartbeat(self.processes.index(process))
        wait_until(file.exists, 120, f"{file.name} is there")
        return file.stat().st_mtime_ns

    def wait_for_renewal(
        self, process: "subprocess.Popen[bytes]", since_ns: int | None = None
    ) -> None:
        """Wait for the next heartbeat: between two of them a process does each of its jobs once."""
        before_ns = since_ns or self.wait_for_heartbeat(process)
        wait_until(lambda: self.wait_for_heartbeat(process) != before_ns, 120, "a sign of life")

    def wait_for_whole_scan(self, watcher: "subprocess.Popen[bytes]") -> None:
        """Wait for a scan that begins after now: the one under way ends with the first renewal."""
        for _ in range(2):
            self.wait_for_renewal(watcher)

    def _heartbeat(self, number: int) -> Path:
        return self.folder / f"alive-{number + 1}"

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
