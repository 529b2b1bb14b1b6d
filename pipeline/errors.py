"""The errors that this project raises on purpose; all descend from one base.

With `pipeline.codes`, this is the lowest layer: it must not know any value or file format.
"""

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.codes import ReasonCode


class PneumoscreenError(Exception):
    """The system could not do its work. The message is one line that says what to do."""


class ReleaseError(PneumoscreenError):
    """A model release is missing, damaged, or does not match this version's preprocessing."""


class RejectedInputError(PneumoscreenError):
    """One file cannot be screened. `pipeline.reading` catches it and returns a `Rejection`."""

    def __init__(self, reason_code: ReasonCode, detail: str) -> None:
        super().__init__(detail)
        self.reason_code = reason_code
        self.detail = detail


class ClassifierError(PneumoscreenError):
    """The network did not give a probability."""


@contextmanager
def foreign_errors_rejected(reason_code: ReasonCode, detail: str) -> Iterator[None]:
    """Turn any error that a library raises on hostile bytes into a `RejectedInputError`.

    pydicom, Pillow and the decoders have no common base error: mutated files made them raise most
    of Python's built-in ones. Wrap only calls of theirs, so that our own mistakes are not hidden.
    MemoryError passes: the reader's limit may be at fault, not the file.
    """
    try:
        yield
    except (RejectedInputError, MemoryError):
        raise
    except Exception as error:
        raise RejectedInputError(reason_code, f"{detail} ({type(error).__name__})") from error
