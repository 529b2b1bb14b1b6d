"""What reading a file takes and gives, apart from the decoders, which are slow to import.

This module must not know how a file is read.
"""

from dataclasses import dataclass

from pipeline.codes import Flag
from pipeline.values.instance import Instance, Rejection, derive_uid
from pipeline.values.radiograph import ModelInput


@dataclass(frozen=True, slots=True)
class ReadingLimits:
    """What one file may cost.

    Attributes
    ----------
    file_bytes
        Larger files are refused unread. A flat-panel radiograph has 10 to 40 MiB.
    pixels
        Of the image, refused before decoding; also bounds what a deflated file unpacks to.
    """

    file_bytes: int = 512 << 20
    pixels: int = 100_000_000

    @property
    def inflated_bytes(self) -> int:
        """Longest dataset that a deflated file may hold: 16-bit pixels and a large header."""
        return 2 * self.pixels + (16 << 20)


@dataclass(frozen=True, slots=True)
class Inspection:
    """What a file's header says. There is always an instance, so that no file lacks a row."""

    instance: Instance
    rejection: Rejection | None


@dataclass(frozen=True, slots=True)
class Reading:
    """A file turned into a model input, or the reason why not: exactly one of the two."""

    instance: Instance
    model_input: ModelInput | None
    rejection: Rejection | None


def unidentified_instance(sha256: str) -> Instance:
    """Give the instance of content that says nothing of itself: UIDs come from its digest."""
    return Instance(
        sha256=sha256,
        sop_instance_uid=derive_uid(sha256, "instance"),
        series_instance_uid=derive_uid(sha256, "series"),
        study_instance_uid=derive_uid(sha256, "study"),
        flags=frozenset({Flag.NO_IDENTITY}),
    )
