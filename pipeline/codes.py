"""The words of the product: states, reason codes, flags, bands and priorities.

Every word that reaches the database, the worklist or a report is defined here, and only here.
"""

from enum import StrEnum
from typing import Final


class FileFormat(StrEnum):
    """What a file's content was recognised as, whatever its name says."""

    DICOM = "DICOM"
    PNG = "PNG"
    JPEG = "JPEG"


class InstanceState(StrEnum):
    """What has become of one instance (one distinct file content)."""

    REGISTERED = "REGISTERED"
    CLAIMED = "CLAIMED"
    SCREENED = "SCREENED"
    NOT_ELIGIBLE = "NOT_ELIGIBLE"
    QUARANTINED = "QUARANTINED"
    FAILED = "FAILED"

    @property
    def is_terminal(self) -> bool:
        """Whether no worker will touch the instance again by itself."""
        return self not in {InstanceState.REGISTERED, InstanceState.CLAIMED}

    @property
    def keeps_uid(self) -> bool:
        """Whether."""
        return self not in {InstanceState.QUARANTINED, InstanceState.FAILED}


class Lane(StrEnum):
    """Which instances a worker takes first: all that is urgent, then the backfill."""

    URGENT = "URGENT"
    BACKFILL = "BACKFILL"


class StudyStatus(StrEnum):
    """What the worklist says of a study."""

    PENDING = "PENDING"
    SCREENED = "SCREENED"
    PARTIAL = "PARTIAL"
    NOT_SCREENED = "NOT_SCREENED"


class Band(StrEnum):
    """Where a calibrated probability lies against the release's two operating points."""

    POSITIVE = "POSITIVE"
    INDETERMINATE = "INDETERMINATE"
    NEGATIVE = "NEGATIVE"


class Priority(StrEnum):
    """Requested Procedure Priority (0040,1003), with DICOM's own terms (PS3.3 C.4.11)."""

    STAT = "STAT"
    HIGH = "HIGH"
    ROUTINE = "ROUTINE"
    MEDIUM = "MEDIUM"
    LOW = "LOW"

    @property
    def rank(self) -> int:
        """Reading order: the smaller, the sooner."""
        return PRIORITY_RANKS[self]


# PS3.3 lists the terms without an order; MEDIUM lies between HIGH and ROUTINE in every RIS that
# uses it. The gap at UNREAD_RANK belongs to studies about which nothing is known yet: a pending
# or failed chest radiograph may be an ill child, so it stands before those screened negative.
PRIORITY_RANKS: Final[dict[Priority, int]] = {
    Priority.STAT: 10,
    Priority.HIGH: 20,
    Priority.MEDIUM: 40,
    Priority.ROUTINE: 50,
    Priority.LOW: 60,
}
UNREAD_RANK: Final = 30
# A study that has waited past its limit stands before everything but STAT: were it to join STAT,
# a backlog that nobody acknowledges would in the end bury a newly found pneumonia.
ESCALATED_RANK: Final = 15
ACKNOWLEDGED_RANK: Final = 90


class ReasonCode(StrEnum):
    """Why an instance was not screened."""

    # Not a radiograph that the model may score: NOT_ELIGIBLE.
    SOP_CLASS_NOT_RADIOGRAPH = "SOP_CLASS_NOT_RADIOGRAPH"
    FOR_PROCESSING = "FOR_PROCESSING"
    MODALITY_NOT_RADIOGRAPHY = "MODALITY_NOT_RADIOGRAPHY"
    BODY_PART_NOT_CHEST = "BODY_PART_NOT_CHEST"
    VIEW_NOT_FRONTAL = "VIEW_NOT_FRONTAL"
    AGE_OUT_OF_SCOPE = "AGE_OUT_OF_SCOPE"
    NOT_MONOCHROME = "NOT_MONOCHROME"
    MULTI_FRAME = "MULTI_FRAME"
    TOO_SMALL = "TOO_SMALL"
    QUALITY_CONTROL_IMAGE = "QUALITY_CONTROL_IMAGE"
    NO_PIXEL_DATA = "NO_PIXEL_DATA"
    # Taken back before or after it was scored; its study is judged without it: NOT_ELIGIBLE.
    SUPERSEDED = "SUPERSEDED"
    WITHDRAWN = "WITHDRAWN"
    ARCHIVE_UNPACKED = "ARCHIVE_UNPACKED"
    # Damaged, hostile or contradictory content, which a person should see: QUARANTINED.
    EMPTY_FILE = "EMPTY_FILE"
    NOT_AN_IMAGE = "NOT_AN_IMAGE"
    HEADER_UNREADABLE = "HEADER_UNREADABLE"
    INVALID_UID = "INVALID_UID"
    SIDECAR_INVALID = "SIDECAR_INVALID"
    TRANSFER_SYNTAX_UNSUPPORTED = "TRANSFER_SYNTAX_UNSUPPORTED"
    PIXEL_DATA_TRUNCATED = "PIXEL_DATA_TRUNCATED"
    PIXEL_DATA_UNDECODABLE = "PIXEL_DATA_UNDECODABLE"
    NO_CONTRAST = "NO_CONTRAST"
    NOT_A_CHEST_RADIOGRAPH = "NOT_A_CHEST_RADIOGRAPH"
    TOO_LARGE = "TOO_LARGE"
    READER_CRASHED = "READER_CRASHED"
    READER_TIMEOUT = "READER_TIMEOUT"
    READER_MEMORY = "READER_MEMORY"
    WORKER_LOST = "WORKER_LOST"
    SOP_INSTANCE_UID_CONFLICT = "SOP_INSTANCE_UID_CONFLICT"
    # The file itself could not be had; seen again, it is tried again: FAILED.
    SOURCE_MISSING = "SOURCE_MISSING"
    SOURCE_UNREADABLE = "SOURCE_UNREADABLE"
    SOURCE_CHANGED = "SOURCE_CHANGED"
    NOT_A_REGULAR_FILE = "NOT_A_REGULAR_FILE"

    @property
    def state(self) -> InstanceState:
        """The terminal state that this reason leads to."""
        if self in _NOT_ELIGIBLE:
            return InstanceState.NOT_ELIGIBLE
        if self in _FAILED:
            return InstanceState.FAILED
        return InstanceState.QUARANTINED

    @property
    def is_taken_back(self) -> bool:
        """Whether."""
        return self in {ReasonCode.SUPERSEDED, ReasonCode.WITHDRAWN}


_NOT_ELIGIBLE: Final = frozenset(
    {
        ReasonCode.SOP_CLASS_NOT_RADIOGRAPH,
        ReasonCode.FOR_PROCESSING,
        ReasonCode.MODALITY_NOT_RADIOGRAPHY,
        ReasonCode.BODY_PART_NOT_CHEST,
        ReasonCode.VIEW_NOT_FRONTAL,
        ReasonCode.AGE_OUT_OF_SCOPE,
        ReasonCode.NOT_MONOCHROME,
        ReasonCode.MULTI_FRAME,
        ReasonCode.TOO_SMALL,
        ReasonCode.QUALITY_CONTROL_IMAGE,
        ReasonCode.NO_PIXEL_DATA,
        ReasonCode.SUPERSEDED,
        ReasonCode.WITHDRAWN,
        ReasonCode.ARCHIVE_UNPACKED,
    }
)
_FAILED: Final = frozenset(
    {
        ReasonCode.SOURCE_MISSING,
        ReasonCode.SOURCE_UNREADABLE,
        ReasonCode.SOURCE_CHANGED,
        ReasonCode.NOT_A_REGULAR_FILE,
    }
)


class Flag(StrEnum):
    """What a reader should know of a study that was screened all the same."""

    NO_IDENTITY = "NO_IDENTITY"
    SECONDARY_CAPTURE = "SECONDARY_CAPTURE"
    BODY_PART_UNKNOWN = "BODY_PART_UNKNOWN"
    VIEW_UNKNOWN = "VIEW_UNKNOWN"
    AGE_UNKNOWN = "AGE_UNKNOWN"
    AGE_EXTRAPOLATED = "AGE_EXTRAPOLATED"
    AGE_INCONSISTENT = "AGE_INCONSISTENT"
    BURNED_IN_ANNOTATION = "BURNED_IN_ANNOTATION"
    DERIVED_IMAGE = "DERIVED_IMAGE"
    WINDOW_FALLBACK = "WINDOW_FALLBACK"
    POLARITY_SUSPECT = "POLARITY_SUSPECT"
    ROTATION_SUSPECT = "ROTATION_SUSPECT"
    UNUSUAL_APPEARANCE = "UNUSUAL_APPEARANCE"
    EXPOSURE_SUSPECT = "EXPOSURE_SUSPECT"
    LUNGS_CUT_OFF = "LUNGS_CUT_OFF"
    FULL_FRAME = "FULL_FRAME"


class EventKind(StrEnum):
    """What happened, in the append-only event log."""

    REGISTERED = "REGISTERED"
    CLAIMED = "CLAIMED"
    SCREENED = "SCREENED"
    REJECTED = "REJECTED"
    DEFERRED = "DEFERRED"
    LEASE_EXPIRED = "LEASE_EXPIRED"
    HANDED_BACK = "HANDED_BACK"
    REQUEUED = "REQUEUED"
    ACKNOWLEDGED = "ACKNOWLEDGED"
    FEEDBACK = "FEEDBACK"
    ESCALATED = "ESCALATED"
    PRIORITY_ORDERED = "PRIORITY_ORDERED"


class FeedbackVerdict(StrEnum):
    """Whether a reader agrees with what the release found."""

    AGREE = "AGREE"
    DISAGREE = "DISAGREE"


class FeedbackComment(StrEnum):
    """Why a reader disagrees, in a word that can be counted."""

    FALSE_POSITIVE = "FALSE_POSITIVE"
    FALSE_NEGATIVE = "FALSE_NEGATIVE"
    POOR_IMAGE = "POOR_IMAGE"
    NOT_A_FRONTAL_CHEST = "NOT_A_FRONTAL_CHEST"
    NOT_A_CHILD = "NOT_A_CHILD"
    OTHER_DISEASE = "OTHER_DISEASE"


class JobStatus(StrEnum):
    """How a run of a job stands."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
