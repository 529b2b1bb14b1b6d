"""Makes docs/faults.md from the figures that a run of `make faults` left."""

import json
import os
import platform
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final

FAULTS: Final = {
    1: "`kill -9` of a worker at random points",
    2: "hints deleted from Redis before they were acknowledged",
    3: "Redis killed, its data deleted, restarted empty",
    4: "Redis stopped with SIGSTOP",
    5: "PostgreSQL crashed and away; backends killed while they write",
    6: "disk full: database, log, inbox",
    7: "half-written, slow, renamed, rewritten files",
    8: "a wall clock moved by a day, both ways",
    9: "hints three times over; a frozen worker back after its lease",
    10: "a file that crashes a native decoder",
    11: "bombs: deflate, 65535 x 65535, PNG",
    12: "everything dropped at once",
    13: "hostile names, links, a fifo, `../` in a UID",
    14: "no permission, read-only folder, a read that hangs",
    15: "network cut to Redis, then to the database; SIGTERM in a batch; two schedulers",
    16: "a hostile corpus",
    17: "two hosts, one cut off in the middle of a batch",
    18: "a file that kills the whole worker, again and again",
}
_HEAD: Final = """# Faults

What the distributed product survives, measured by `make faults`, which writes this page. Real
Redis and PostgreSQL, real processes; only the network is a fake one that starts in a second.

`lost`: inputs with no terminal row. `duplicates`: worklist rows beyond one a study, and screenings
beyond one an instance. `wrong`: results that differ (bit for bit) from an undisturbed run's, and
source files that changed. A test passes with 0 in all three (and, over bombs, with less than 700
MiB in a reader). Where a protection can be switched off, the test is run without it as well, to see
that it can fail.

"""


def main() -> None:
    folder, page = Path(sys.argv[1]), Path(sys.argv[2])
    found = [json.loads(file.read_text()) for file in sorted(folder.glob("*.json"))]
    found.sort(key=lambda each: (each["number"], each["note"]))
    machine = f"{os.cpu_count()} cores, Python {platform.python_version()}"
    machine = "; ".join([machine, *sys.argv[3:]])
    lines = [
        _HEAD,
        f"Measured on {datetime.now(UTC):%Y-%m-%d}, {machine}.\n\n",
        "| # | fault | inputs | lost | duplicates | wrong | quarantined | recovery | |\n",
        "| ---: | --- | ---: | ---: | ---: | ---: | ---: | ---: | --- |\n",
        *(_row(each) for each in found if not each["without"]),
        "\n## The same without the protection\n\n",
        "| # | fault | switched off | inputs | lost | duplicates | wrong | |\n",
        "| ---: | --- | --- | ---: | ---: | ---: | ---: | --- |\n",
        *(_row_without(each) for each in found if each["without"]),
    ]
    page.write_text("".join(lines), encoding="utf-8")


def _row(each: dict[str, Any]) -> str:
    recovery = "" if each["recovery_s"] is None else f"{each['recovery_s']:.0f} s"
    cells = [
        each["number"],
        FAULTS[each["number"]],
        f"{each['inputs']:,}",
        each["lost"],
        each["duplicates"],
        each["wrong"],
        f"{each['quarantined']:,}",
        recovery,
        each["note"],
    ]
    return "| " + " | ".join(map(str, cells)) + " |\n"


def _row_without(each: dict[str, Any]) -> str:
    cells = [
        each["number"],
        FAULTS[each["number"]],
        each["without"],
        each["inputs"],
        each["lost"],
        each["duplicates"],
        each["wrong"],
        each["note"],
    ]
    return "| " + " | ".join(map(str, cells)) + " |\n"


if __name__ == "__main__":
    main()
