"""What reader processes are asked to do. Imported by the parent too, which never pays for decoders.

This module must not know processes, limits of memory or time, nor what becomes of a result.
"""

from collections.abc import Sequence

from pipeline.eligibility_policy import EligibilityPolicy
from pipeline.preprocessing import Preprocessing
from pipeline.reading_values import Inspection, Reading, ReadingLimits


def get_ready() -> None:
    """Import the decoders, before there is a file."""
    import pipeline.reading  # noqa: F401, PLC0415


def inspect(paths: Sequence[bytes], limits: ReadingLimits) -> list[Inspection | OSError]:
    """Read the digests and headers of a few files; a file that cannot be had is its error."""
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
    from pipeline.reading import read_model_input  # noqa: PLC0415

    return read_model_input(path, sha256, limits, policy, preprocessing)
