from dataclasses import fields
from pathlib import Path

from pipeline.eligibility.ledger import write_ledger
from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.eligibility.rules import RULES

DOCUMENT = Path(__file__).parents[3] / "docs" / "reading.md"


def test_the_documentation_says_what_the_rules_say():
    assert write_ledger() in DOCUMENT.read_text(encoding="utf-8"), (
        "renew the end of docs/reading.md with `python -m pipeline.eligibility.ledger`"
    )


def test_the_words_of_the_rules_follow_the_policys_defaults():
    policy = EligibilityPolicy()
    words = " ".join(rule.says for rule in RULES)
    assert f"From {policy.minimum_age_years:g} to under {policy.maximum_age_years:g}" in words
    assert f"{policy.trained_from_years:g} to {policy.trained_below_years - 1:g}" in words
    assert f"At least {policy.minimum_size_px} px" in words
    assert " and ".join(sorted(policy.modalities)) in words
    options = {option.name for option in fields(policy) if option.name.startswith("accept_")}
    assert options == {option for option in options if f"`{option}`" in words}
