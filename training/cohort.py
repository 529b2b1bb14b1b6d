"""Reads the public datasets, and splits them so that no patient stands in two parts.

This module must not know any network, nor what augmentation does to an image.
"""

import csv
import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, fields, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

import numpy as np

from training.errors import TrainingError
from training.progress import with_progress

# Ends the name of a source whose radiographs have no label.
UNLABELLED: Final = "_unlabelled"
FRACTIONS: Final = {"train": 0.8, "validation": 0.1, "test": 0.1}
# A lung mask matched by size and order with a cost above 1 may belong to another child.
_MASK_MATCHES: Final = frozenset({"unique_size", "size+order:0", "size+order:1"})
_PUBLIC_PATIENT: Final = re.compile(r"(person\d+)_(bacteria|virus)|(?:NORMAL2-)?(IM-\d+)")


class Part(StrEnum):
    """What an image is used for."""

    TRAIN = "train"
    VALIDATION = "validation"
    TEST = "test"


@dataclass(frozen=True, slots=True, kw_only=True)
class Sample:
    """One labelled radiograph.

    Attributes
    ----------
    path, lung_mask, native_path
        Relative to the data folder; empty where there is none.
    source
        The dataset: ``kermany``, ``rsna``, ``nih``.
    label
        In the dataset's own words.
    subtype
        ``bacteria`` or ``virus``, where the dataset says so.
    patient_group
        Never in two parts.
    digest
        sha256 of the published file where it is known, else of the copy.
    view
        ``AP`` or ``PA``, where the dataset says so.
    part
        Empty until the cohort is split.
    """

    path: str
    source: str
    label: str
    subtype: str
    patient_group: str
    digest: str
    lung_mask: str = ""
    native_path: str = ""
    view: str = ""
    part: str = ""

    @property
    def is_positive(self) -> bool:
        """Whether the label says pneumonia (RSNA: an opacity that suggests it)."""
        return self.label in {"PNEUMONIA", "LUNG_OPACITY"}


def read_cohort(data: Path) -> list[Sample]:
    """Read every labelled radiograph below a data folder, duplicates removed.

    Parameters
    ----------
    data
        Holds ``kermany/`` and, optionally, ``other_hospitals/`` (each with ``manifest.csv``), or
        is the public dataset itself (``train/NORMAL``, ``test/PNEUMONIA``, ...).

    Raises
    ------
    TrainingError
        If there is no radiograph to be had from the folder.
    """
    samples = [
        *_read_kermany_manifest(data / "kermany"),
        *_read_other_hospitals_manifest(data / "other_hospitals"),
    ] or _read_public_layout(data)
    if not samples:
        raise TrainingError(
            f"no radiographs in {data}: it needs kermany/manifest.csv, or the public layout "
            "(train/NORMAL, train/PNEUMONIA, test/NORMAL, ...)"
        )
    return remove_duplicates(samples)


def read_unlabelled(data: Path, sources: Collection[str]) -> list[Sample]:
    """Read the other hospitals' radiographs without a label: only a teacher can tell of them.

    Their source is ``rsna_unlabelled`` where the labelled ones' is ``rsna``; all are for training.

    Parameters
    ----------
    sources
        Only of these; the manifest is not opened where none of them is unlabelled.
    """
    if not any(source.endswith(UNLABELLED) for source in sources):
        return []
    found = _read_other_hospitals_manifest(data / "other_hospitals", labelled=False)
    unlabelled = [
        replace(sample, source=sample.source + UNLABELLED, part=Part.TRAIN) for sample in found
    ]
    return remove_duplicates(sample for sample in unlabelled if sample.source in sources)


def remove_duplicates(samples: Iterable[Sample]) -> list[Sample]:
    """Keep one sample a digest, and none where two copies bear different labels."""
    copies: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        copies[sample.digest].append(sample)
    return [same[0] for same in copies.values() if len({copy.is_positive for copy in same}) == 1]


def split_by_group(samples: Sequence[Sample], seed: int) -> list[Sample]:
    """Split 80/10/10 by patient group, stratified by source, label and subtype.

    Groups come in random order; each goes to the part that lacks most of its stratum's images,
    so that the fractions hold for images although some patients have thirty.
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
    """Split 80/10/10 by image, patients ignored: only to show how much that flatters."""
    order = np.random.default_rng(seed).permutation(len(samples))
    ends = np.cumsum([round(FRACTIONS[part] * len(samples)) for part in ("train", "validation")])
    parts = np.full(len(samples), Part.TEST, dtype=object)
    parts[order[: ends[0]]] = Part.TRAIN
    parts[order[ends[0] : ends[1]]] = Part.VALIDATION
    return [replace(sample, part=str(part)) for sample, part in zip(samples, parts, strict=True)]


def write_split(samples: Sequence[Sample], file: Path) -> None:
    """Write a split cohort as CSV, one line a radiograph."""
    file.parent.mkdir(parents=True, exist_ok=True)
    with file.open("w", newline="", encoding="utf-8") as stream:
        writer = csv.DictWriter(stream, [field.name for field in fields(Sample)])
        writer.writeheader()
        writer.writerows(asdict(sample) for sample in samples)


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
    except (OSError, TypeError) as error:
        raise TrainingError(
            f"{file} is not a split ({error}); make one with `python -m training cohort`"
        ) from error


def _read_kermany_manifest(folder: Path) -> list[Sample]:
    return [
        Sample(
            path=f"{folder.name}/{row['path']}",
            source="kermany",
            label=row["label"],
            subtype=row["subtype"].replace("normal", ""),
            patient_group=row["patient_group"],
            digest=row["native_sha256"],
            lung_mask=(
                f"{folder.name}/{row['lung_mask']}"
                if row["lung_mask_match"] in _MASK_MATCHES
                else ""
            ),
            native_path=f"{folder.name}/{row['native_path']}" if row["native_path"] else "",
        )
        for row in _rows(folder / "manifest.csv")
    ]


def _read_other_hospitals_manifest(folder: Path, *, labelled: bool = True) -> list[Sample]:
    return [
        Sample(
            path=f"{folder.name}/{row['path']}",
            source=row["source"],
            label=row["label"],
            subtype="",
            patient_group=row["patient_group"],
            digest=_digest(folder / row["path"]),
            view=row["view"],
        )
        for row in with_progress(_rows(folder / "manifest.csv"), folder.name)
        if bool(row["label"]) == labelled
    ]


def _read_public_layout(folder: Path) -> list[Sample]:
    samples = []
    for path in with_progress(sorted(folder.glob("*/*/*.jp*g")), folder.name):
        label = path.parent.name
        if label not in {"NORMAL", "PNEUMONIA"} or not (name := _PUBLIC_PATIENT.match(path.name)):
            continue
        # The published test folder counts its patients from 1 again, so a number names a patient
        # only within its folder.
        patient = f"{path.parent.parent.name}-{name[1] or name[3]}"
        samples.append(
            Sample(
                path=str(path.relative_to(folder)),
                source="kermany",
                label=label,
                subtype=name[2] or "",
                patient_group=patient,
                digest=_digest(path),
                native_path=str(path.relative_to(folder)),
            )
        )
    return samples


def _rows(manifest: Path) -> list[dict[str, str]]:
    if not manifest.exists():
        return []
    with manifest.open(newline="", encoding="utf-8") as stream:
        return list(csv.DictReader(stream))


def _digest(path: Path) -> str:
    return hashlib.sha256(path.read_bytes()).hexdigest()
