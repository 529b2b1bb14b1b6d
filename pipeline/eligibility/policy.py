"""What a site may set about eligibility. This module must not know any rule."""

from dataclasses import dataclass


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityPolicy:
    """Everything about eligibility that a site may set.

    Attributes
    ----------
    minimum_age_years, maximum_age_years
        Ages that are scored: from the first up to, not including, the second.
    trained_from_years, trained_below_years
        Ages that the model was trained on (1 to 5, so below 6); a child outside is flagged.
    modalities
        (0008,0060) Modality values that are radiography.
    minimum_size_px
        Of the shorter side.
    unusual_distance, refused_distance
        Distances from the training chests above which an image is flagged, and refused as no
        chest (see `pipeline.quality.appearance`; their mean is 1).
    accept_secondary_capture, accept_unknown_body_part, accept_unknown_view, accept_unknown_age
        Score and flag (the default), or refuse.
    """

    minimum_age_years: float = 0.0
    maximum_age_years: float = 18.0
    trained_from_years: float = 1.0
    trained_below_years: float = 6.0
    modalities: frozenset[str] = frozenset({"CR", "DX"})
    minimum_size_px: int = 128
    unusual_distance: float = 3.3
    refused_distance: float = 6.0
    accept_secondary_capture: bool = True
    accept_unknown_body_part: bool = True
    accept_unknown_view: bool = True
    accept_unknown_age: bool = True
