"""The forms of eligibility: what a site may set, what a rule is, what a rule says.

This module must not know any rule.
"""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final

from pipeline.codes import Flag, ReasonCode
from pipeline.values.instance import Instance


@dataclass(frozen=True, slots=True, kw_only=True)
class EligibilityPolicy:
    """Everything about eligibility that a site may set. Ages are in completed years' terms.

    Attributes
    ----------
    minimum_age_years, maximum_age_years
        Scored from the first up to, not including, the second.
    trained_from_years, trained_below_years
        Ages the model was trained on (1 to 5, so below 6); a child outside is flagged.
    modalities
        (0008,0060) values that are radiography.
    minimum_size_px
        Of the shorter side.
    unusual_distance, refused_distance
        How far from the chests an image may lie before it is flagged, and before it is refused as
        no chest (see `pipeline.quality.appearance`; 1 is an average chest).
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


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one rule says of one instance: a reason to refuse, or flags (often none)."""

    reason_code: ReasonCode | None = None
    detail: str = ""
    flags: frozenset[Flag] = field(default_factory=frozenset)


PASSED: Final = Judgement()


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the eligibility ledger.

    Attributes
    ----------
    attribute
        What is looked at, with tags.
    says
        The rule for people; the documentation's table is made of these.
    judge
        The rule itself.
    reasons, flags
        All that the rule can give.
    """

    attribute: str
    says: str
    judge: Callable[[Instance, EligibilityPolicy], Judgement]
    reasons: tuple[ReasonCode, ...] = ()
    flags: tuple[Flag, ...] = ()
