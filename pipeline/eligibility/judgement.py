"""Decides from the header whether this is a radiograph that the model may score.

This module must not know how a header was read, nor look at a pixel.
"""

from dataclasses import dataclass

from pipeline.codes import Flag
from pipeline.eligibility.policy import EligibilityPolicy, Judgement, Rule
from pipeline.eligibility.rules import RULES
from pipeline.values.instance import Instance, Rejection


@dataclass(frozen=True, slots=True)
class Eligibility:
    """The verdict: a rejection by the first rule that refuses, or none; and all rules' flags."""

    rejection: Rejection | None
    flags: frozenset[Flag]


def judge_eligibility(instance: Instance, policy: EligibilityPolicy) -> Eligibility:
    """Apply every rule, in the ledger's order."""
    judgements = [judgement for _, judgement in explain_eligibility(instance, policy)]
    flags = frozenset[Flag]().union(*(judgement.flags for judgement in judgements))
    for judgement in judgements:
        if judgement.reason_code is not None:
            return Eligibility(Rejection(judgement.reason_code, judgement.detail), flags)
    return Eligibility(None, flags)


def explain_eligibility(
    instance: Instance, policy: EligibilityPolicy
) -> list[tuple[Rule, Judgement]]:
    """Give what each rule says of the instance, refused or not: the whole ledger."""
    return [(rule, rule.judge(instance, policy)) for rule in RULES]
