"""Prints the eligibility rules as a Markdown table: ``python -m pipeline.eligibility.ledger``.

A test compares it with ``docs/reading.md``. This module must not know any instance.
"""

from collections.abc import Iterator
from dataclasses import fields
from typing import Final

from pipeline.codes import Flag, InstanceState, ReasonCode
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.eligibility.rules import RULES

BEGIN: Final = "<!-- begin of what `python -m pipeline.eligibility.ledger` prints -->"
END: Final = "<!-- end of what `python -m pipeline.eligibility.ledger` prints -->"


def write_ledger() -> str:
    """Return the rules in their order, what a site may set, and every reason code and flag."""
    return "\n".join([BEGIN, "", *_rules(), "", *_policy(), "", *_reasons(), "", *_flags(), END])


def _rules() -> Iterator[str]:
    yield "### Rules, in the order in which a refusal is looked for"
    yield ""
    yield "| | attribute | rule | refuses as | flags |"
    yield "| --- | --- | --- | --- | --- |"
    for number, rule in enumerate(RULES, 1):
        reasons = ", ".join(f"`{reason}`" for reason in rule.reasons)
        flags = ", ".join(f"`{flag}`" for flag in rule.flags)
        yield f"| {number} | {rule.attribute} | {rule.says} | {reasons} | {flags} |"


def _policy() -> Iterator[str]:
    yield "### What a site may set (`EligibilityPolicy`)"
    yield ""
    yield "| option | default |"
    yield "| --- | --- |"
    default = EligibilityPolicy()
    for option in fields(EligibilityPolicy):
        value = getattr(default, option.name)
        shown = ", ".join(sorted(value)) if isinstance(value, frozenset) else value
        yield f"| `{option.name}` | {shown} |"


def _reasons() -> Iterator[str]:
    yield "### Reason codes, and the state that each leads to"
    yield ""
    for state in (InstanceState.NOT_ELIGIBLE, InstanceState.QUARANTINED, InstanceState.FAILED):
        reasons = ", ".join(f"`{reason}`" for reason in ReasonCode if reason.state is state)
        yield f"- {state}: {reasons}"


def _flags() -> Iterator[str]:
    yield "### Flags of studies that are scored all the same"
    yield ""
    yield ", ".join(f"`{flag}`" for flag in Flag)
    yield ""


if __name__ == "__main__":
    print(write_ledger())  # noqa: T201 - to print is its purpose
