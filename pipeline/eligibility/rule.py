"""What an eligibility rule is, and what it says of an instance.

This module must not know any rule in particular.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Final

from pipeline.codes import Flag, ReasonCode
from pipeline.eligibility.anatomy import Meaning
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.values.instance import Instance


@dataclass(frozen=True, slots=True)
class Judgement:
    """What one rule says of one instance: a reason to refuse, or flags (often none)."""

    reason_code: ReasonCode | None = None
    detail: str = ""
    flags: frozenset[Flag] = field(default_factory=frozenset)


PASSED: Final = Judgement()


def refuse(reason_code: ReasonCode, detail: str) -> Judgement:
    """Say that the instance must not be scored, and why."""
    return Judgement(reason_code, detail)


def add_flags(*flags: Flag) -> Judgement:
    """Say that the instance may be scored, with flags."""
    return Judgement(flags=frozenset(flags))


@dataclass(frozen=True, slots=True)
class Rule:
    """One line of the eligibility ledger.

    Attributes
    ----------
    attribute
        The DICOM attributes that the rule looks at, with tags.
    says
        The rule in words, for the table in the documentation.
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


def make_text_rule(
    attributes: Sequence[tuple[str, Callable[[Instance], str | None]]],
    meaning_of: Callable[[str], Meaning],
    *,
    says: str,
    subject: str,
    expected: str,
    reason: ReasonCode,
    unknown: Flag,
    accepts_unknown: Callable[[EligibilityPolicy], bool],
) -> Rule:
    """Make a rule in which the first attribute whose text has a known meaning decides.

    Parameters
    ----------
    attributes
        Name with tag, and how to read it, in order.
    meaning_of
        Whether a text names what is expected, something else, or neither.
    subject, expected
        Words for messages: what the texts are about, and what they should name.
    unknown
        Flag of an instance whose texts name neither, where the policy accepts that.
    """

    def judge(instance: Instance, policy: EligibilityPolicy) -> Judgement:
        for name, read in attributes:
            text = read(instance) or ""
            meaning = meaning_of(text)
            if meaning is Meaning.YES:
                return PASSED
            if meaning is Meaning.NO:
                return refuse(reason, f"{name} is {text}, not {expected}")
        if accepts_unknown(policy):
            return add_flags(unknown)
        return refuse(reason, f"no attribute names the {subject}")

    first, *others = (name for name, _ in attributes)
    attribute = f"{first}; else {', '.join(others)}"
    return Rule(attribute, says, judge, reasons=(reason,), flags=(unknown,))
