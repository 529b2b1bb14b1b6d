"""Names of the sources that radiographs come from.

A source is a dataset (``kermany``, ``rsna``, ``nih``) or the part of one that has no labels
(``rsna_unlabelled``). This module must not know any radiograph.
"""

from typing import Final

# The children's hospital that a release is calibrated and chosen for.
HOME: Final = "kermany"
_UNLABELLED_SUFFIX: Final = "_unlabelled"


def hospital_of(source: str) -> str:
    """Give the dataset that a source belongs to: ``rsna`` for ``rsna_unlabelled``."""
    return source.removesuffix(_UNLABELLED_SUFFIX)


def is_unlabelled(source: str) -> bool:
    """Whether the radiographs of a source have no labels."""
    return source.endswith(_UNLABELLED_SUFFIX)


def unlabelled_source(hospital: str) -> str:
    """Give the name of a dataset's part without labels."""
    return hospital + _UNLABELLED_SUFFIX
