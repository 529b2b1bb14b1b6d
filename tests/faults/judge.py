"""The judge of every fault: a manifest of distinct inputs, and what the database says of them."""

import hashlib
import json
import os
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import pytest

from pipeline.eligibility.policy import EligibilityPolicy
from pipeline.framing.preprocessing import Preprocessing
from pipeline.reading import read_model_input
from pipeline.values.reading import ReadingLimits
from tests.service.stack import Stack
from tests.worker.fakes import BrightnessClassifier

FIGURES = os.environ.get("PNEUMOSCREEN_FAULTS_FIGURES")
# The whole of every fault takes half an hour; `make test` runs a small form of some.
FULL = os.environ.get("PNEUMOSCREEN_FAULTS") == "full"
only_full = pytest.mark.full
# With the protection that the fault calls for, and (it must then fail) without.
PROTECTED_AND_NOT = pytest.mark.parametrize(
    "protected",
    [pytest.param(True, id="protected"), pytest.param(False, id="without", marks=only_full)],
)


@dataclass(frozen=True)
class Judgement:
    """What became of a manifest.

    Attributes
    ----------
    lost
        Inputs without a terminal row.
    duplicates
        Worklist rows beyond one a study, and screenings beyond one an instance.
    wrong
        Results that differ from an undisturbed run's, and changed source files.
    """

    inputs: int
    lost: int
    duplicates: int
    quarantined: int
    wrong: int
    recovery_s: float | None = None

    @property
    def is_clean(self) -> bool:
        return (self.lost, self.duplicates, self.wrong) == (0, 0, 0)


def digests_of(paths: Iterable[Path]) -> dict[str, Path]:
    """Make a manifest: each input's path by its digest."""
    return {hashlib.sha256(path.read_bytes()).hexdigest(): path for path in paths}


def expected_results(manifest: Mapping[str, Path]) -> dict[str, float]:
    """Score a manifest here, undisturbed; what cannot be scored is left out."""
    expected = {}
    for sha256, path in manifest.items():
        reading = read_model_input(
            path, sha256, ReadingLimits(), EligibilityPolicy(), Preprocessing()
        )
        if reading.model_input is not None:
            pixels = reading.model_input.pixels[None]
            expected[sha256] = float(BrightnessClassifier().classify(pixels)[0])
    return expected


def judge(
    stack: Stack, manifest: Mapping[str, Path], expected: Mapping[str, float] | None = None
) -> Judgement:
    """Compare a manifest with the database, and its files with themselves."""
    terminal = dict(
        stack.query("SELECT sha256, state FROM instance WHERE claimable_at IS NULL")  # type: ignore[arg-type]
    )
    results = {sha256: probability for sha256, (probability, _) in stack.results().items()}
    changed = sum(
        not path.exists() or hashlib.sha256(path.read_bytes()).hexdigest() != sha256
        for sha256, path in manifest.items()
    )
    wrong = (
        sum(results.get(sha256, value) != value for sha256, value in expected.items())
        if expected is not None
        else 0
    )
    return Judgement(
        inputs=len(manifest),
        lost=len(manifest.keys() - terminal.keys()),
        duplicates=(
            stack.count("SELECT count(*) - count(DISTINCT study_instance_uid) FROM worklist_v1")
            + stack.count(
                "SELECT count(*) - count(DISTINCT instance_id) FROM event WHERE kind = 'SCREENED'"
            )
        ),
        quarantined=sum(terminal.get(sha256) == "QUARANTINED" for sha256 in manifest),
        wrong=wrong + changed,
    )


class Ledger:
    """Where a fault's figures are noted, for the table in the documentation."""

    def __init__(self, test: str) -> None:
        self._test = test

    def note(
        self,
        number: int,
        found: Judgement,
        *,
        note: str = "",
        recovery_s: float | None = None,
        without: str = "",
    ) -> None:
        """Note how the product did: with its protections, or ``without`` the one named."""
        if FIGURES is None:
            return
        figures = {
            "number": number,
            "note": note,
            "without": without,
            **asdict(replace(found, recovery_s=recovery_s)),
        }
        folder = Path(FIGURES)
        folder.mkdir(parents=True, exist_ok=True)
        (folder / f"{self._test}.json").write_text(json.dumps(figures))
