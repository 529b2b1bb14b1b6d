"""Splits a cohort so that no patient is in two parts; writes, reads and identifies splits.

This module must not know where radiographs come from, nor any network.
"""

import csv
import hashlib
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import asdict, fields, replace
from pathlib import Path
from typing import Final

import numpy as np

from training.data.cohort import Part, Sample
from training.errors import TrainingError

FRACTIONS: Final = {"train": 0.8, "validation": 0.1, "test": 0.1}


def split_by_group(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """Split 80/10/10 by patient group, stratified by source, label and subtype.

    Groups are taken in random order; each goes to the part that lacks most of its stratum's
    images, so that the fractions hold for images although some patients have thirty.
    """
    groups: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        groups[sample.patient_group].append(sample)
    strata: dict[tuple[str, ...], list[str]] = defaultdict(list)
    for group, members in sorted(groups.items()):
        strata[tuple(sorted({f"{m.source} {m.label} {m.subtype}" for m in members}))].append(group)

    random = np.random.default_rng(seed)
    part_of: dict[str, str] = {}
    for _, names in sorted(strata.items()):
        filled = dict.fromkeys(FRACTIONS, 0)
        for name in random.permutation(names):
            part = min(FRACTIONS, key=lambda part: filled[part] / FRACTIONS[part])
            part_of[name] = part
            filled[part] += len(groups[name])
    return [replace(sample, part=part_of[sample.patient_group]) for sample in samples]


def split_at_random(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """Split 80/10/10 by image, regardless of patients.

    Only to show by how much such a split overestimates the figures.
    """
    order = np.random.default_rng(seed).permutation(len(samples))
    ends = np.cumsum([round(FRACTIONS[part] * len(samples)) for part in ("train", "validation")])
    parts = np.full(len(samples), Part.TEST, dtype=object)
    parts[order[: ends[0]]] = Part.TRAIN
    parts[order[ends[0] : ends[1]]] = Part.VALIDATION
    return [replace(sample, part=str(part)) for sample, part in zip(samples, parts, strict=True)]


def write_split(samples: Sequence[Sample], file: Path) -> None:
    """Write a split cohort as CSV, one line per radiograph.

    Raises
    ------
    TrainingError
        If the file holds another split: runs trained by it would be measured on radiographs that
        they were trained on.
    """
    if file.exists() and digest_split(read_split(file)) != digest_split(samples):
        raise TrainingError(f"{file} holds another split; name another file, or remove it")
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Sample)])
        writer.writeheader()
        writer.writerows(asdict(sample) for sample in samples)


def digest_split(samples: Sequence[Sample]) -> str:
    """Give a sha256 of which radiographs are in which part, whatever their paths and order."""
    lines = sorted(f"{sample.digest} {sample.part}\n" for sample in samples)
    return hashlib.sha256("".join(lines).encode()).hexdigest()


def read_split(file: Path) -> list[Sample]:
    """Read what `write_split` wrote.

    Raises
    ------
    TrainingError
        If the file is missing or has other columns.
    """
    try:
        with file.open(newline="", encoding="utf-8") as stream:
            return [Sample(**row) for row in csv.DictReader(stream)]
    except (OSError, TypeError, ValueError, csv.Error) as error:
        raise TrainingError(
            f"{file} is not a split ({error}); make one with `python -m training cohort`"
        ) from error
