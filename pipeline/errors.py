"""The errors that this project raises on purpose; all descend from one base."""

from collections.abc import Iterator
from contextlib import contextmanager

from pipeline.codes import ReasonCode
from pipeline.values.instance import Rejection


class PneumoscreenError(Exception):
    """The system could not do its work. The message is one line that names the mend."""


class ReleaseError(PneumoscreenError):
    """A model release is missing, damaged, or does not match this version's preprocessing."""


class RejectedInputError(PneumoscreenError):
    """One file cannot be screened. Raised deep in the readers, made a value at their edge."""

    def __init__(self, reason_code: ReasonCode, detail: str) -> None:
        super().__init__(detail)
        self.rejection = Rejection(reason_code, detail)


class ClassifierError(PneumoscreenError):
    """The network did not give a probability."""


@contextmanager
def foreign_errors_rejected(reason_code: ReasonCode, detail: str) -> Iterator[None]:
    """Turn whatever a library raises over hostile bytes into a rejection.

    pydicom, Pillow and the decoders have no base error: mutated files made them raise most of
    Python's built-in ones. Put this around their calls only, so that our own mistakes stay loud.
    MemoryError passes: it says more of the limits than of the file.
    """
    try:
        yield
    except (RejectedInputError, MemoryError):
        raise
    except Exception as error:
        raise RejectedInputError(reason_code, f"{detail} ({type(error).__name__})") from error
