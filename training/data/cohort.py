"""Reads the public datasets: which radiographs there are, of whom, and what is known of them.

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

from training.errors import TrainingError
from training.progress import with_progress

# Ends the name of a source whose radiographs have no label.
UNLABELLED: Final = "_unlabelled"
# A lung mask matched by size and order with a cost above 1 may belong to another child.
_MASK_MATCHES: Final = frozenset({"unique_size", "size+order:0", "size+order:1"})
_OTHER_COLUMNS: Final = ("path", "source", "label", "patient_group", "view")
_HOME_COLUMNS: Final = (
    *("path", "label", "subtype", "patient_group", "native_sha256"),
    *("lung_mask", "lung_mask_match", "native_path"),
)
# What the published files are called: in the second version of the dataset, and in the third.
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


def read_unlabelled(data: Path, sources: Collection[str], split: Sequence[Sample]) -> list[Sample]:
    """Read the other hospitals' radiographs without a label: only a teacher can tell of them.

    Their source is ``rsna_unlabelled`` where the labelled ones' is ``rsna``; all are for training.

    Parameters
    ----------
    sources
        Only of these; the manifest is not opened where none of them is unlabelled.
    split
        The labelled ones; whose patient, or whose file, is among them is left out.
    """
    if not any(source.endswith(UNLABELLED) for source in sources):
        return []
    found = _read_other_hospitals_manifest(data / "other_hospitals", labelled=False)
    unlabelled = [
        replace(sample, source=sample.source + UNLABELLED, part=Part.TRAIN) for sample in found
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
    """Keep one sample a digest, and none where two copies bear different labels."""
    copies: dict[str, list[Sample]] = defaultdict(list)
    for sample in samples:
        copies[sample.digest].append(sample)
    return [same[0] for same in copies.values() if len({copy.is_positive for copy in same}) == 1]


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
        if not path.name.startswith(".")  # what macOS leaves beside a file
    ]
    names = {path: _PUBLIC_NAME.match(path.name) for path in paths}
    if nameless := [path for path, name in names.items() if not name]:
        raise TrainingError(
            f"{len(nameless)} of {len(paths)} radiographs in {folder} are not named as published, "
            f"so that nothing tells whose they are, {nameless[0].relative_to(folder)} the first; "
            "remove them"
        )
    return [
        Sample(
            path=str(path.relative_to(folder)),
            source="kermany",
            label=path.parent.name,
            subtype=(name["subtype"] or (name["disease"] or "").lower()).replace("normal", ""),
            # The published test folder counts its patients from 1 again, so a number names a
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
