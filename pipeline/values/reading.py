"""What is passed to a reader process, and what it returns.

This module must not import a decoder, since every process imports it and decoders are slow to
import.
"""

from dataclasses import dataclass

from pipeline.codes import Flag
from pipeline.values.instance import Instance, Rejection, derive_uid
from pipeline.values.radiograph import ModelInput


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """Limits for one file.

    Attributes
    ----------
    file_bytes
        Larger files are refused unread. A flat-panel radiograph has 10 to 40 MiB.
    pixels
        Rows times columns; more are refused before decoding. Also limits a deflated dataset.
    """

    file_bytes: int = 512 << 20
    pixels: int = 100_000_000

    @property
    def inflated_bytes(self) -> int:
        """Limit of an inflated dataset: room for 16-bit pixels and a large header."""
        return 2 * self.pixels + (16 << 20)


@dataclass(frozen=True, slots=True)
class Inspection:
    """A file's header. There is always an instance, so that every file gets a row."""

    instance: Instance
    rejection: Rejection | None


@dataclass(frozen=True, slots=True)
class Reading:
    """A file's model input, or the rejection that says why there is none: exactly one of both."""

    instance: Instance
    model_input: ModelInput | None
    rejection: Rejection | None


def unidentified_instance(sha256: str) -> Instance:
    """Return the instance of content without a readable header; UIDs derive from its digest."""
    return Instance(
        sha256=sha256,
        sop_instance_uid=derive_uid(sha256, "instance"),
        series_instance_uid=derive_uid(sha256, "series"),
        study_instance_uid=derive_uid(sha256, "study"),
        flags=frozenset({Flag.NO_IDENTITY}),
    )
