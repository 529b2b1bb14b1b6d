"""`doctor`: uses each part that the product needs and reports, in a line each, what to do.

Every line comes from using the part, not from reading its settings. This module must not print.
"""

import os
import shutil
import time
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import Final

import imagecodecs
import numpy as np
from numpy.typing import NDArray
from sqlalchemy import make_url

from pipeline.engines.selection import has_gpu
from pipeline.errors import PneumoscreenError
from pipeline.release import load_release
from worker.database import open_database
from worker.inbox.folders import check_folder
from worker.readers.pool import ReaderPool
from worker.screening.assembly import load_classifier
from worker.settings import Settings

_LEAST_FREE_GIB: Final = 2
_CODECS: Final[dict[str, Callable[[NDArray[np.uint8]], NDArray[np.uint8]]]] = {
    "JPEG": lambda image: imagecodecs.jpeg8_decode(imagecodecs.jpeg8_encode(image, lossless=True)),
    "JPEG-LS": lambda image: imagecodecs.jpegls_decode(imagecodecs.jpegls_encode(image)),
    "JPEG 2000": lambda image: imagecodecs.jpeg2k_decode(imagecodecs.jpeg2k_encode(image, level=0)),
}


class Verdict(StrEnum):
    """Whether one part works."""

    WORKS = "WORKS"
    NOTE = "NOTE"
    FAULT = "FAULT"


@dataclass(frozen=True, slots=True)
class Checkup:
    """What was found of one part, and what to do if it does not work."""

    part: str
    verdict: Verdict
    found: str
    mend: str = ""

    @property
    def is_fatal(self) -> bool:
        """Whether nothing can be screened until this is mended."""
        return self.verdict is Verdict.FAULT


def examine(settings: Settings) -> list[Checkup]:
    """Try every part; never raises for a part that does not work."""
    parts: dict[str, Callable[[Settings], Checkup]] = {
        "model release": _release,
        "reader processes": _readers,
        "network": _network,
        "GPU": _gpu,
        "codecs": _codecs,
        "database": _database,
        "disk": _disk,
        "inbox": _inbox,
        "broker": _broker,
    }
    checkups = []
    for part, look in parts.items():
        try:
            checkups.append(look(settings))
        except PneumoscreenError as error:
            found, _, mend = str(error).rpartition("; ")
            checkups.append(Checkup(part, Verdict.FAULT, found or mend, mend if found else ""))
        except ImportError as error:
            checkups.append(
                Checkup(part, Verdict.FAULT, str(error), "install pneumoscreen[cpu] or [gpu]")
            )
    return checkups


def _release(settings: Settings) -> Checkup:
    release = load_release(settings.release)
    return Checkup(
        "model release", Verdict.WORKS, f"{release.name} ({release.architecture}), digest matches"
    )


def _readers(settings: Settings) -> Checkup:
    with ReaderPool.of(settings, most=1) as readers:
        readers.check()
    return Checkup(
        "reader processes",
        Verdict.WORKS,
        f"{settings.readers}, {settings.reader_memory_mib} MiB and "
        f"{settings.reader_timeout_s:g} s each at the most",
    )


def _network(settings: Settings) -> Checkup:
    classifier = load_classifier(settings.release, settings.engine)
    began = time.perf_counter()
    classifier.warm_up(1)
    took_ms = 1000 * (time.perf_counter() - began)
    return Checkup(
        "network",
        Verdict.WORKS,
        f"runs on {classifier.engine} (PNEUMOSCREEN_ENGINE={settings.engine}), "
        f"its first image in {took_ms:.0f} ms",
    )


def _gpu(_settings: Settings) -> Checkup:
    if not has_gpu():
        return Checkup(
            "GPU",
            Verdict.NOTE,
            "none that TensorFlow could use: the processor does the work",
            "for a GPU, install pneumoscreen[gpu] and its driver",
        )
    import tensorflow as tf

    if gpus := tf.config.list_physical_devices("GPU"):
        return Checkup("GPU", Verdict.WORKS, f"{len(gpus)} found by TensorFlow {tf.__version__}")
    return Checkup(
        "GPU",
        Verdict.FAULT,
        f"there is one, but TensorFlow {tf.__version__} cannot use it",
        "install its driver, or set PNEUMOSCREEN_ENGINE=openvino",
    )


def _codecs(_settings: Settings) -> Checkup:
    image = np.arange(64, dtype=np.uint8).reshape(8, 8)
    broken = [name for name, decode in _CODECS.items() if not np.array_equal(decode(image), image)]
    if broken:
        return Checkup(
            "codecs", Verdict.FAULT, f"{', '.join(broken)} decode wrongly", "reinstall imagecodecs"
        )
    return Checkup(
        "codecs", Verdict.WORKS, f"{', '.join(_CODECS)} (imagecodecs {imagecodecs.__version__})"
    )


def _database(settings: Settings) -> Checkup:
    with open_database(settings.database_url):
        pass
    shown = make_url(settings.database_url).render_as_string(hide_password=True)
    return Checkup("database", Verdict.WORKS, f"{shown}, schema up to date")


def _disk(settings: Settings) -> Checkup:
    url = make_url(settings.database_url)
    if url.get_backend_name() != "sqlite" or not url.database:
        return Checkup("disk", Verdict.NOTE, "the database server's own; watch it there")
    free_gib = shutil.disk_usage(Path(url.database).absolute().parent).free / 2**30
    verdict = Verdict.WORKS if free_gib >= _LEAST_FREE_GIB else Verdict.FAULT
    mend = "" if verdict is Verdict.WORKS else f"make room: at least {_LEAST_FREE_GIB} GiB"
    return Checkup("disk", verdict, f"{free_gib:.0f} GiB free beside the database", mend)


def _inbox(settings: Settings) -> Checkup:
    if settings.inbox is None:
        return Checkup(
            "inbox",
            Verdict.NOTE,
            "none set: `screen` takes paths, `watch` takes a folder",
            "set PNEUMOSCREEN_INBOX for a service",
        )
    folder = check_folder(settings.inbox)
    entries = sum(1 for _ in os.scandir(folder))
    return Checkup("inbox", Verdict.WORKS, f"readable, {entries} entries")


def _broker(settings: Settings) -> Checkup:
    if settings.broker_url is None:
        return Checkup("broker", Verdict.NOTE, "none set: embedded, one process does everything")
    from redis import Redis, RedisError

    try:
        Redis.from_url(settings.broker_url, socket_timeout=3, socket_connect_timeout=3).ping()
    except (RedisError, ValueError) as error:
        return Checkup(
            "broker", Verdict.FAULT, f"no answer: {error}", "start Redis, or correct the URL"
        )
    return Checkup("broker", Verdict.WORKS, "answers")
