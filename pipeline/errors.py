"""The errors that this project raises on purpose; all descend from one base."""

from pipeline.codes import ReasonCode
from pipeline.instance import Rejection


class PneumoscreenError(Exception):
    """The system could not do its work. The message is one line that names the mend."""


class ReleaseError(PneumoscreenError):
    """A model release is missing, damaged, or does not match this version's preprocessing."""


class RejectedInputError(PneumoscreenError):
    """One file cannot be screened. Raised deep in the readers, made a value at their edge."""

    def __init__(self, reason_code: ReasonCode, detail: str) -> None:
        super().__init__(detail)
        self.rejection = Rejection(reason_code, detail)
