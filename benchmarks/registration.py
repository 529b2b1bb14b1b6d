"""Times registration: from the files of a folder to rows in the database.

    python -m benchmarks.registration FOLDER URL

Reader processes read headers and compute digests, as in the product. It prints one JSON line.
"""

import json
import re
import sys
import time
from pathlib import Path

from pipeline.values.reading import ReadingLimits
from worker.database import open_database
from worker.inbox.folders import list_paths
from worker.inbox.registrar import Registrar
from worker.inbox.unpacking_registrar import UnpackingRegistrar
from worker.logs import configure_logging
from worker.readers.pool import ReaderPool
from worker.settings import LogFormat


def main() -> None:
    """Register a folder; print files per second, and peak memory half-way and at the end."""
    folder, url = Path(sys.argv[1]), sys.argv[2]
    configure_logging("WARNING", LogFormat.CONSOLE)  # what is printed is the result alone
    memory_mib: list[int] = []
    with open_database(url) as database, ReaderPool(2, 4096, 30.0, ReadingLimits()) as readers:
        readers.check()
        entries = list(list_paths([folder]))
        done = 0

        def note(count: int) -> None:
            nonlocal done
            done += count
            if done >= len(entries) * (len(memory_mib) + 1) / 2:
                memory_mib.append(read_peak_mib())

        began_s = time.perf_counter()
        engine, clock = database.engine, database.clock
        registrar = UnpackingRegistrar(Registrar(engine, readers, clock), readers, engine, clock)
        registered = registrar.register(entries, note).files
        seconds = time.perf_counter() - began_s
    figures = {
        "files": registered,
        "files_per_s": registered / seconds,
        "peak_mib_half_way": memory_mib[0],
        "peak_mib_at_end": memory_mib[-1],
    }
    sys.stdout.write(json.dumps(figures) + "\n")


def read_peak_mib() -> int:
    """Give this process's peak memory; getrusage would include that of its parent."""
    status = Path("/proc/self/status").read_text(encoding="ascii")
    return round(int(re.findall(r"VmHWM:\s*(\d+) kB", status)[0]) / 1024)


if __name__ == "__main__":
    main()
