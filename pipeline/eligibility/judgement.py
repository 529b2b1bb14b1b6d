"""Applies the eligibility rules: whether the model may score an instance, and its flags.

This module must not know how a header was read, nor look at a pixel.
"""

from dataclasses import dataclass

from pipeline.codes import Flag
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.eligibility.rule import Judgement, Rule
from pipeline.eligibility.rules import RULES
from pipeline.values.instance import Instance, Rejection


@dataclass(frozen=True, slots=True)
class Eligibility:
    """A rejection by the first rule that refuses, or none, and the flags of all rules."""

    rejection: Rejection | None
    flags: frozenset[Flag]


def judge_eligibility(instance: Instance, policy: EligibilityPolicy) -> Eligibility:
    """Apply every rule, in the order of `RULES`."""
    judgements = [judgement for _, judgement in explain_eligibility(instance, policy)]
    flags = frozenset[Flag]().union(*(judgement.flags for judgement in judgements))
    for judgement in judgements:
        if judgement.reason_code is not None:
            return Eligibility(Rejection(judgement.reason_code, judgement.detail), flags)
    return Eligibility(None, flags)


def explain_eligibility(
    instance: Instance, policy: EligibilityPolicy
) -> list[tuple[Rule, Judgement]]:
    """Return what each rule says of the instance, also after one has refused."""
    return [(rule, rule.judge(instance, policy)) for rule in RULES]
