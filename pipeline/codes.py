"""The words of the product: states, reason codes, flags, bands and priorities.

Every word that reaches the database, the worklist or a report is defined here, and only here.
"""

from enum import StrEnum
from typing import Final, Self


class FileFormat(StrEnum):
    """What a file's content was recognised as, whatever its name says."""

    DICOM = "DICOM"
    PNG = "PNG"
    JPEG = "JPEG"


class InstanceState(StrEnum):
    """State of one instance (one distinct file content)."""

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
    def reserves_sop_instance_uid(self) -> bool:
        """Whether other content with the same SOP Instance UID is a conflict.

        Damaged or unread content reserves none: an intact copy that is sent again after a broken
        transfer must be screened.
        """
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
    """Where a calibrated probability lies in relation to the release's two operating points."""

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
# uses it. The gap at UNREAD_RANK is for studies about which nothing is known yet: a pending or
# failed chest radiograph may be an ill child, so it ranks before those screened negative.
PRIORITY_RANKS: Final[dict[Priority, int]] = {
    Priority.STAT: 10,
    Priority.HIGH: 20,
    Priority.MEDIUM: 40,
    Priority.ROUTINE: 50,
    Priority.LOW: 60,
}
UNREAD_RANK: Final = 30
# A study that has waited past its limit ranks before everything but STAT. If it ranked with STAT, a
# backlog that nobody acknowledges would hide a newly found pneumonia.
ESCALATED_RANK: Final = 15
ACKNOWLEDGED_RANK: Final = 90


class ReasonCode(StrEnum):
    """Why an instance was not screened, and the terminal state that the reason leads to.

    A member without a state is an error at import.
    """

    state: InstanceState

    def __new__(cls, word: str, *state: InstanceState) -> Self:
        """Make a member; its value is the word alone, so that ``ReasonCode(word)`` finds it."""
        member = str.__new__(cls, word)
        member._value_ = word
        # Exactly one. It is optional by the signature only for mypy, which checks the look-up
        # ``ReasonCode(word)`` against it.
        (member.state,) = state
        return member

    # Not a radiograph that the model may score.
    SOP_CLASS_NOT_RADIOGRAPH = "SOP_CLASS_NOT_RADIOGRAPH", InstanceState.NOT_ELIGIBLE
    FOR_PROCESSING = "FOR_PROCESSING", InstanceState.NOT_ELIGIBLE
    MODALITY_NOT_RADIOGRAPHY = "MODALITY_NOT_RADIOGRAPHY", InstanceState.NOT_ELIGIBLE
    BODY_PART_NOT_CHEST = "BODY_PART_NOT_CHEST", InstanceState.NOT_ELIGIBLE
    VIEW_NOT_FRONTAL = "VIEW_NOT_FRONTAL", InstanceState.NOT_ELIGIBLE
    AGE_OUT_OF_SCOPE = "AGE_OUT_OF_SCOPE", InstanceState.NOT_ELIGIBLE
    NOT_MONOCHROME = "NOT_MONOCHROME", InstanceState.NOT_ELIGIBLE
    MULTI_FRAME = "MULTI_FRAME", InstanceState.NOT_ELIGIBLE
    TOO_SMALL = "TOO_SMALL", InstanceState.NOT_ELIGIBLE
    QUALITY_CONTROL_IMAGE = "QUALITY_CONTROL_IMAGE", InstanceState.NOT_ELIGIBLE
    NOT_HUMAN = "NOT_HUMAN", InstanceState.NOT_ELIGIBLE
    NO_PIXEL_DATA = "NO_PIXEL_DATA", InstanceState.NOT_ELIGIBLE
    # A zip archive whose files have rows of their own.
    ARCHIVE_UNPACKED = "ARCHIVE_UNPACKED", InstanceState.NOT_ELIGIBLE
    # Taken back before or after it was scored; its study is judged without it.
    SUPERSEDED = "SUPERSEDED", InstanceState.NOT_ELIGIBLE
    WITHDRAWN = "WITHDRAWN", InstanceState.NOT_ELIGIBLE
    # Damaged, hostile or contradictory content, which a person should see.
    EMPTY_FILE = "EMPTY_FILE", InstanceState.QUARANTINED
    NOT_AN_IMAGE = "NOT_AN_IMAGE", InstanceState.QUARANTINED
    HEADER_UNREADABLE = "HEADER_UNREADABLE", InstanceState.QUARANTINED
    HEADER_INCOMPLETE = "HEADER_INCOMPLETE", InstanceState.QUARANTINED
    INVALID_UID = "INVALID_UID", InstanceState.QUARANTINED
    SIDECAR_INVALID = "SIDECAR_INVALID", InstanceState.QUARANTINED
    TRANSFER_SYNTAX_UNSUPPORTED = "TRANSFER_SYNTAX_UNSUPPORTED", InstanceState.QUARANTINED
    PIXEL_DATA_TRUNCATED = "PIXEL_DATA_TRUNCATED", InstanceState.QUARANTINED
    PIXEL_DATA_UNDECODABLE = "PIXEL_DATA_UNDECODABLE", InstanceState.QUARANTINED
    NO_CONTRAST = "NO_CONTRAST", InstanceState.QUARANTINED
    NOT_A_CHEST_RADIOGRAPH = "NOT_A_CHEST_RADIOGRAPH", InstanceState.QUARANTINED
    TOO_LARGE = "TOO_LARGE", InstanceState.QUARANTINED
    READER_CRASHED = "READER_CRASHED", InstanceState.QUARANTINED
    READER_TIMEOUT = "READER_TIMEOUT", InstanceState.QUARANTINED
    READER_MEMORY = "READER_MEMORY", InstanceState.QUARANTINED
    WORKER_LOST = "WORKER_LOST", InstanceState.QUARANTINED
    SOP_INSTANCE_UID_CONFLICT = "SOP_INSTANCE_UID_CONFLICT", InstanceState.QUARANTINED
    # The file itself could not be read; when it is seen again, it is tried again.
    SOURCE_MISSING = "SOURCE_MISSING", InstanceState.FAILED
    SOURCE_UNREADABLE = "SOURCE_UNREADABLE", InstanceState.FAILED
    SOURCE_CHANGED = "SOURCE_CHANGED", InstanceState.FAILED
    NOT_A_REGULAR_FILE = "NOT_A_REGULAR_FILE", InstanceState.FAILED

    @property
    def is_taken_back(self) -> bool:
        """Whether the instance was taken back, so that its study is judged without it."""
        return self in {ReasonCode.SUPERSEDED, ReasonCode.WITHDRAWN}


class Flag(StrEnum):
    """What a reader should know about a study that was screened.

    A flag is a doubt where it says that the network saw an image, or was told of a child, unlike
    those that it was measured on: its NEGATIVE is then no better than no reading, and ranks with
    what nobody has read (`pipeline.triage`). A flag that only tells what a header leaves out is
    none: the public dataset's films have no header at all, and the network was measured on them.
    """

    is_doubt: bool

    def __new__(cls, word: str, is_doubt: bool = False) -> Self:  # noqa: FBT001, FBT002 - a table
        """Make a member; its value is the word alone, so that ``Flag(word)`` finds it."""
        member = str.__new__(cls, word)
        member._value_ = word
        member.is_doubt = is_doubt
        return member

    # What the header does not say.
    NO_IDENTITY = "NO_IDENTITY"
    NO_STUDY_UID = "NO_STUDY_UID"
    BODY_PART_UNKNOWN = "BODY_PART_UNKNOWN"
    VIEW_UNKNOWN = "VIEW_UNKNOWN"
    AGE_UNKNOWN = "AGE_UNKNOWN"
    # What the header says of the child and the exposure.
    AGE_EXTRAPOLATED = "AGE_EXTRAPOLATED", True
    AGE_INCONSISTENT = "AGE_INCONSISTENT", True
    BODY_PART_CONTRADICTED = "BODY_PART_CONTRADICTED", True
    VIEW_CONTRADICTED = "VIEW_CONTRADICTED", True
    PATIENTS_DIFFER = "PATIENTS_DIFFER", True
    # What was done to the image before it came.
    SECONDARY_CAPTURE = "SECONDARY_CAPTURE"
    BURNED_IN_ANNOTATION = "BURNED_IN_ANNOTATION"
    DERIVED_IMAGE = "DERIVED_IMAGE"
    BONE_SUPPRESSED = "BONE_SUPPRESSED", True
    STRONG_COMPRESSION = "STRONG_COMPRESSION", True
    # What rendering had to do without.
    WINDOW_FALLBACK = "WINDOW_FALLBACK", True
    RESCALE_IGNORED = "RESCALE_IGNORED", True
    # What the image itself shows.
    POLARITY_SUSPECT = "POLARITY_SUSPECT", True
    ROTATION_SUSPECT = "ROTATION_SUSPECT", True
    UNUSUAL_APPEARANCE = "UNUSUAL_APPEARANCE", True
    EXPOSURE_SUSPECT = "EXPOSURE_SUSPECT", True
    LUNGS_CUT_OFF = "LUNGS_CUT_OFF", True
    BORDER_SUSPECT = "BORDER_SUSPECT", True
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
    """Why a reader disagrees, as a code that can be counted."""

    FALSE_POSITIVE = "FALSE_POSITIVE"
    FALSE_NEGATIVE = "FALSE_NEGATIVE"
    POOR_IMAGE = "POOR_IMAGE"
    NOT_A_FRONTAL_CHEST = "NOT_A_FRONTAL_CHEST"
    NOT_A_CHILD = "NOT_A_CHILD"
    OTHER_DISEASE = "OTHER_DISEASE"


class JobStatus(StrEnum):
    """State of one run of a scheduled job."""

    RUNNING = "RUNNING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
