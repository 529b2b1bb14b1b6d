"""Reads the public datasets: each radiograph's file, patient, label and view.

This module must not know how they are split, nor any network.
"""

import csv
import hashlib
import re
from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Final

from training.data.sources import HOME, is_unlabelled, unlabelled_source
from training.errors import TrainingError
from training.progress import with_progress

# Of the split that release 2026.11 was trained by.
DEFAULT_SPLIT_SEED: Final = 20261123
# A lung mask matched by size and order with a cost above 1 may belong to another child.
_MASK_MATCHES: Final = frozenset({"unique_size", "size+order:0", "size+order:1"})
_OTHER_COLUMNS: Final = ("path", "source", "label", "patient_group", "view")
_HOME_COLUMNS: Final = (
    *("path", "label", "subtype", "patient_group", "native_sha256"),
    *("lung_mask", "lung_mask_match", "native_path"),
)
# File names in the second version of the public dataset, and in the third.
_PUBLIC_NAME: Final = re.compile(
    r"(?P<ill>person\d+)_(?P<subtype>bacteria|virus)_|(?:NORMAL2-)?(?P<healthy>IM-\d+)-"
    r"|(?P<disease>NORMAL|BACTERIA|VIRUS)-(?P<patient>\d+)-"
)


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
        As the dataset writes it; empty where there is none.
    subtype
        ``bacteria`` or ``virus``, where the dataset says so.
    patient_group
        The patient, by whom the cohort is split.
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
        If the folder holds no radiographs, or a manifest or a file of it cannot be read.
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


def read_unlabelled(data: Path, sources: Collection[str], split: Sequence[Sample]) -> list[Sample]:
    """Read the other hospitals' radiographs without a label, for training with a teacher.

    Their source is ``rsna_unlabelled`` where that of the labelled ones is ``rsna``.

    Parameters
    ----------
    sources
        Read only these; the manifest is not opened where none of them is unlabelled.
    split
        The labelled radiographs; unlabelled ones of the same patient or file are left out.
    """
    if not any(is_unlabelled(source) for source in sources):
        return []
    found = _read_other_hospitals_manifest(data / "other_hospitals", labelled=False)
    unlabelled = [
        replace(sample, source=unlabelled_source(sample.source), part=Part.TRAIN)
        for sample in found
    ]
    groups = {sample.patient_group for sample in split}
    digests = {sample.digest for sample in split}
    return remove_duplicates(
        sample
        for sample in unlabelled
        if sample.source in sources
        and sample.patient_group not in groups
        and sample.digest not in digests
    )


def remove_duplicates(samples: Iterable[Sample]) -> list[Sample]:
    """Keep one sample per digest, and none where copies have different labels."""
    copies: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        copies[sample.digest].append(sample)
    return [same[0] for same in copies.values() if len({copy.is_positive for copy in same}) == 1]


def _read_kermany_manifest(folder: Path) -> list[Sample]:
    return [
        Sample(
            path=f"{folder.name}/{row['path']}",
            source=HOME,
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
        for row in _rows(folder / "manifest.csv", _HOME_COLUMNS)
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
        for row in with_progress(_rows(folder / "manifest.csv", _OTHER_COLUMNS), folder.name)
        if bool(row["label"]) == labelled
    ]


def _read_public_layout(folder: Path) -> list[Sample]:
    paths = [
        path
        for label in ("NORMAL", "PNEUMONIA")
        for path in sorted(folder.glob(f"*/{label}/*.jp*g"))
        if not path.name.startswith(".")  # macOS writes ._NAME beside a file
    ]
    names = {path: _PUBLIC_NAME.match(path.name) for path in paths}
    if nameless := [path for path, name in names.items() if not name]:
        raise TrainingError(
            f"{len(nameless)} of {len(paths)} radiographs in {folder} are not named as published, "
            f"so that their patients are unknown, {nameless[0].relative_to(folder)} the first; "
            "remove them"
        )
    return [
        Sample(
            path=str(path.relative_to(folder)),
            source=HOME,
            label=path.parent.name,
            subtype=(name["subtype"] or (name["disease"] or "").lower()).replace("normal", ""),
            # The published test folder numbers its patients from 1 again: a number identifies a
            # patient only within its folder.
            patient_group="-".join(
                [path.parts[-3], name["ill"] or name["healthy"] or name["patient"]]
            ),
            digest=_digest(path),
            native_path=str(path.relative_to(folder)),
        )
        for path, name in with_progress(names.items(), folder.name)
        if name
    ]


def _rows(manifest: Path, columns: Collection[str]) -> list[dict[str, str]]:
    if not manifest.exists():
        return []
    try:
        with manifest.open(newline="", encoding="utf-8") as stream:
            rows = csv.DictReader(stream)
            if missing := sorted(set(columns) - set(rows.fieldnames or ())):
                raise TrainingError(f"{manifest} has no column {missing[0]!r}")
            return list(rows)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TrainingError(f"{manifest} cannot be read ({error})") from error


def _digest(path: Path) -> str:
    try:
        return hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise TrainingError(
            f"{path} cannot be read ({error.strerror}); complete the dataset, or remove its line"
        ) from error
