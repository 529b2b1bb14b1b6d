"""The transfer syntaxes that the product reads; the only list of them.

To read another one, define it and add it to `TRANSFER_SYNTAXES`; a new codec needs a decoder in
`pipeline.dicom.decoding` besides. This module must not know pydicom or a decoder.

References
----------
PS3.5 section 10 and Annex A (transfer syntaxes); PS3.6 Annex A (UIDs and names).
"""

from dataclasses import dataclass
from enum import StrEnum
from typing import Final


class Codec(StrEnum):
    """How a frame is compressed, by the decoder that it needs."""

    RLE = "RLE"
    DEFLATE = "DEFLATE"
    JPEG = "JPEG"
    JPEG_LOSSLESS = "JPEG_LOSSLESS"
    JPEG_LS = "JPEG_LS"
    JPEG_2000 = "JPEG_2000"


@dataclass(frozen=True, slots=True)
class TransferSyntax:
    """How a dataset and its pixel data are encoded.

    Attributes
    ----------
    codec
        Of the encapsulated frame; None where the pixels are not compressed.
    is_implicit_vr, is_big_endian, is_deflated
        Of the dataset; explicit VR, little endian and not deflated by default.
    """

    uid: str
    name: str
    codec: Codec | None = None
    is_implicit_vr: bool = False
    is_big_endian: bool = False
    is_deflated: bool = False


EXPLICIT_VR_LITTLE_ENDIAN: Final = TransferSyntax(
    "1.2.840.10008.1.2.1", "Explicit VR Little Endian"
)
IMPLICIT_VR_LITTLE_ENDIAN: Final = TransferSyntax(
    "1.2.840.10008.1.2", "Implicit VR Little Endian", is_implicit_vr=True
)
EXPLICIT_VR_BIG_ENDIAN: Final = TransferSyntax(
    "1.2.840.10008.1.2.2", "Explicit VR Big Endian", is_big_endian=True
)
DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN: Final = TransferSyntax(
    "1.2.840.10008.1.2.1.99", "Deflated Explicit VR Little Endian", is_deflated=True
)
RLE_LOSSLESS: Final = TransferSyntax("1.2.840.10008.1.2.5", "RLE Lossless", Codec.RLE)
JPEG_BASELINE: Final = TransferSyntax(
    "1.2.840.10008.1.2.4.50", "JPEG Baseline (Process 1)", Codec.JPEG
)
JPEG_EXTENDED: Final = TransferSyntax(
    "1.2.840.10008.1.2.4.51", "JPEG Extended (Process 2 and 4)", Codec.JPEG
)
JPEG_LOSSLESS: Final = TransferSyntax(
    "1.2.840.10008.1.2.4.57",
    "JPEG Lossless, Non-Hierarchical (Process 14)",
    Codec.JPEG_LOSSLESS,
)
JPEG_LOSSLESS_SV1: Final = TransferSyntax(
    "1.2.840.10008.1.2.4.70",
    "JPEG Lossless, Non-Hierarchical, First-Order Prediction (Process 14 [Selection Value 1])",
    Codec.JPEG_LOSSLESS,
)
JPEG_LS_LOSSLESS: Final = TransferSyntax(
    "1.2.840.10008.1.2.4.80", "JPEG-LS Lossless Image Compression", Codec.JPEG_LS
)
JPEG_LS_NEAR_LOSSLESS: Final = TransferSyntax(
    "1.2.840.10008.1.2.4.81", "JPEG-LS Lossy (Near-Lossless) Image Compression", Codec.JPEG_LS
)
JPEG_2000_LOSSLESS: Final = TransferSyntax(
    "1.2.840.10008.1.2.4.90", "JPEG 2000 Image Compression (Lossless Only)", Codec.JPEG_2000
)
JPEG_2000: Final = TransferSyntax(
    "1.2.840.10008.1.2.4.91", "JPEG 2000 Image Compression", Codec.JPEG_2000
)
HTJ2K_LOSSLESS: Final = TransferSyntax(
    "1.2.840.10008.1.2.4.201",
    "High-Throughput JPEG 2000 Image Compression (Lossless Only)",
    Codec.JPEG_2000,
)
HTJ2K_LOSSLESS_RPCL: Final = TransferSyntax(
    "1.2.840.10008.1.2.4.202",
    "High-Throughput JPEG 2000 with RPCL Options Image Compression (Lossless Only)",
    Codec.JPEG_2000,
)
HTJ2K: Final = TransferSyntax(
    "1.2.840.10008.1.2.4.203", "High-Throughput JPEG 2000 Image Compression", Codec.JPEG_2000
)
DEFLATED_IMAGE_FRAME: Final = TransferSyntax(
    "1.2.840.10008.1.2.8.1", "Deflated Image Frame Compression", Codec.DEFLATE
)

TRANSFER_SYNTAXES: Final = (
    EXPLICIT_VR_LITTLE_ENDIAN,
    IMPLICIT_VR_LITTLE_ENDIAN,
    EXPLICIT_VR_BIG_ENDIAN,
    DEFLATED_EXPLICIT_VR_LITTLE_ENDIAN,
    RLE_LOSSLESS,
    JPEG_BASELINE,
    JPEG_EXTENDED,
    JPEG_LOSSLESS,
    JPEG_LOSSLESS_SV1,
    JPEG_LS_LOSSLESS,
    JPEG_LS_NEAR_LOSSLESS,
    JPEG_2000_LOSSLESS,
    JPEG_2000,
    HTJ2K_LOSSLESS,
    HTJ2K_LOSSLESS_RPCL,
    HTJ2K,
    DEFLATED_IMAGE_FRAME,
)
_BY_UID: Final = {syntax.uid: syntax for syntax in TRANSFER_SYNTAXES}


def find_transfer_syntax(uid: str) -> TransferSyntax | None:
    """Return the transfer syntax with this UID; None if it is not one that the product reads."""
    return _BY_UID.get(uid)
