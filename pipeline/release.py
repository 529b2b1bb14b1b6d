"""A model release: a folder with weights and everything that must match them.

``release.json`` describes the release and holds the sha256 of ``weights.safetensors``. Weights are
plain arrays; the classifier builds the architecture, so nothing in the folder is executed.
"""

import hashlib
import json
import math
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any, Final

from pipeline.errors import ReleaseError
from pipeline.framing.preprocessing import PREPROCESSING_VERSION, Preprocessing
from pipeline.values.screening import OperatingPoints

RELEASES_FOLDER: Final = Path(__file__).parent / "releases"
CURRENT_RELEASE: Final = "2026.11"
DESCRIPTION_FILE: Final = "release.json"
WEIGHTS_FILE: Final = "weights.safetensors"


@dataclass(frozen=True, slots=True)
class Calibration:
    """Platt scaling of the network's logit: probability = sigmoid(slope * logit + offset).

    References
    ----------
    Platt, Probabilistic outputs for support vector machines, 1999; with offset 0 it is the
    temperature scaling of Guo et al., On calibration of modern neural networks, 2017.
    """

    slope: float
    offset: float

    def logit_of(self, probability: float) -> float:
        """Return the network's logit that gives this probability, 0 < probability < 1."""
        return (math.log(probability / (1 - probability)) - self.offset) / self.slope


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelRelease:
    """Everything that a screening depends on, besides the image.

    Attributes
    ----------
    name
        Unique, and written to every screening.
    architecture
        What the classifier builds: ``resnet50v2``.
    weights_sha256
        Digest of ``weights.safetensors``.
    activation_maxima
        The largest input, on training radiographs, of each convolution that may be computed in 8
        bits, in the network's order. Empty: no convolution may.
    trained_on
        Source, counts and split of the training data, for people.
    measured
        Figures on the patient-grouped test, for people.
    """

    name: str
    architecture: str
    weights_sha256: str
    preprocessing: Preprocessing
    calibration: Calibration
    operating_points: OperatingPoints
    created: str
    activation_maxima: tuple[float, ...] = ()
    trained_on: dict[str, Any] = field(default_factory=dict)
    measured: dict[str, Any] = field(default_factory=dict)


def write_release(release: ModelRelease, folder: Path) -> None:
    """Write ``release.json`` into the folder that holds the weights."""
    text = json.dumps(asdict(release), indent=2, sort_keys=True)
    (folder / DESCRIPTION_FILE).write_text(text + "\n", encoding="utf-8")


def load_release(folder: Path) -> ModelRelease:
    """Read and check a release folder, without loading the weights.

    Raises
    ------
    ReleaseError
        If the folder is not a release, its weights have another digest than the description
        says, or it was made for another preprocessing.
    """
    try:
        description = json.loads((folder / DESCRIPTION_FILE).read_text(encoding="utf-8"))
        release = ModelRelease(
            **{
                **description,
                "preprocessing": Preprocessing(**description["preprocessing"]),
                "calibration": Calibration(**description["calibration"]),
                "operating_points": OperatingPoints(**description["operating_points"]),
                "activation_maxima": tuple(description.get("activation_maxima", ())),
            }
        )
        digest = hashlib.sha256((folder / WEIGHTS_FILE).read_bytes()).hexdigest()
    except OSError as error:
        raise ReleaseError(
            f"no model release in {folder}: {error.strerror} ({Path(error.filename).name}); "
            "set PNEUMOSCREEN_RELEASE to a release folder"
        ) from error
    except (ValueError, TypeError, KeyError) as error:
        raise ReleaseError(
            f"{folder / DESCRIPTION_FILE} is not a release description ({error}); restore it"
        ) from error
    if digest != release.weights_sha256:
        raise ReleaseError(
            f"the weights in {folder} are not those of release {release.name} (sha256 differs); "
            "restore the release folder"
        )
    if release.preprocessing.version != PREPROCESSING_VERSION:
        raise ReleaseError(
            f"release {release.name} was trained with preprocessing "
            f"{release.preprocessing.version}, this version has {PREPROCESSING_VERSION}; "
            "install the matching release"
        )
    return release
