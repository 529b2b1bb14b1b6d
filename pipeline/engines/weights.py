"""The arrays of a release, which an engine takes by name and shape, each once.

This module must not know any architecture or engine.
"""

from pathlib import Path
from typing import Self

import numpy as np
from numpy.typing import NDArray
from safetensors import SafetensorError
from safetensors.numpy import load_file

from pipeline.errors import ReleaseError


class Weights:
    """Arrays by name, each to be taken once.

    Parameters
    ----------
    origin
        The file that the arrays come from, for messages.
    """

    def __init__(self, arrays: dict[str, NDArray[np.floating]], origin: Path) -> None:
        self._all = arrays
        self._arrays = dict(arrays)
        self._origin = origin

    @classmethod
    def read(cls, file: Path) -> Self:
        """Read a safetensors file, whose digest was checked before.

        Raises
        ------
        ReleaseError
            If it is not a safetensors file.
        """
        try:
            return cls(load_file(file), file)
        except SafetensorError as error:
            raise ReleaseError(
                f"{file} does not hold arrays ({error}); restore the release folder"
            ) from error

    def reopened(self) -> Self:
        """Return the same arrays, with none of them taken; nothing is copied."""
        return type(self)(self._all, self._origin)

    def take(self, name: str, shape: tuple[int, ...]) -> NDArray[np.float32]:
        """Return an array as float32, whatever its stored precision.

        Raises
        ------
        ReleaseError
            If it is missing, was taken before, or has another shape.
        """
        array = self._arrays.pop(name, None)
        if array is None or array.shape != shape:
            found = "nothing" if array is None else f"shape {array.shape}"
            raise self._misfit(f"{name}: {found} where shape {shape} belongs")
        return array.astype(np.float32)

    def check_all_taken(self) -> None:
        """Check that the architecture has taken every array.

        Raises
        ------
        ReleaseError
            If one is left.
        """
        if self._arrays:
            raise self._misfit(f"{min(self._arrays)} belongs nowhere, of {len(self._arrays)} such")

    def _misfit(self, what: str) -> ReleaseError:
        return ReleaseError(
            f"{self._origin} does not fit the architecture ({what}); restore the release folder"
        )
