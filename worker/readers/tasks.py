"""The functions that run in reader processes.

The parent process imports this module too, and must not import decoders: each function imports them
when it runs. This module must not know time limits, nor what becomes of a result.
"""

import resource
import signal
from collections.abc import Sequence

from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.framing.preprocessing import Preprocessing
from pipeline.imports import package_hidden
from pipeline.processes import end_with_parent
from pipeline.values.reading import Inspection, Reading, ReadingLimits


def confine(memory_mib: int) -> None:
    """Set up this process as a reader: limited memory, no core file, Ctrl-C ignored."""
    resource.setrlimit(resource.RLIMIT_AS, (memory_mib << 20, memory_mib << 20))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    # The parent decides when a reader ends; Ctrl-C reaches the whole process group.
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    end_with_parent()


def get_ready() -> None:
    """Import the decoders, before the first file; afterwards it does nothing."""
    # Where `requests` is installed, pydicom imports it to download test files, which takes a tenth
    # of a second; TensorFlow brings it.
    with package_hidden("requests"):
        import pipeline.reading  # noqa: F401, PLC0415


def inspect(paths: Sequence[bytes], limits: ReadingLimits) -> list[Inspection | OSError]:
    """Read the digests and headers of a few files; a file that cannot be read gives its error."""
    get_ready()
    from pipeline.reading import inspect_file  # noqa: PLC0415

    found: list[Inspection | OSError] = []
    for path in paths:
        try:
            found.append(inspect_file(path, limits))
        except OSError as error:
            found.append(error)
    return found


def read(
    path: bytes,
    sha256: str,
    limits: ReadingLimits,
    policy: EligibilityPolicy,
    preprocessing: Preprocessing,
) -> Reading:
    """Turn one file into a model input."""
    get_ready()
    from pipeline.reading import read_model_input  # noqa: PLC0415

    return read_model_input(path, sha256, limits, policy, preprocessing)
