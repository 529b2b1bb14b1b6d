import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

from pipeline.engines import selection
from pipeline.engines.names import EngineName
from pipeline.engines.selection import build_engine, choose_engine, has_gpu
from pipeline.errors import ClassifierError
from pipeline.release import CURRENT_RELEASE, RELEASES_FOLDER, load_release

PARTS: Iterable[str] = ("openvino", "tensorflow", "gpu")


@pytest.mark.parametrize(
    ("there", "chosen"),
    [
        ({"openvino", "tensorflow"}, EngineName.OPENVINO),
        ({"openvino"}, EngineName.OPENVINO),
        ({"openvino", "gpu"}, EngineName.OPENVINO),
        ({"openvino", "tensorflow", "gpu"}, EngineName.TENSORFLOW),
        ({"tensorflow"}, EngineName.TENSORFLOW),
        ({"tensorflow", "gpu"}, EngineName.TENSORFLOW),
    ],
)
def test_openvino_runs_where_it_is_installed_and_tensorflow_has_no_gpu(
    there: set[str], chosen: EngineName
) -> None:
    assert choose_engine(**{part: part in there for part in PARTS}) is chosen


def test_neither_installed_says_what_to_install() -> None:
    with pytest.raises(ClassifierError, match="install pneumoscreen"):
        choose_engine(**dict.fromkeys(PARTS, False))


def test_a_gpu_is_a_device_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(selection, "version", lambda _distribution: "2.21")
    (tmp_path / "nvidiactl").touch()
    assert not has_gpu(tmp_path)
    (tmp_path / "nvidia0").touch()
    assert has_gpu(tmp_path)


def test_a_gpu_is_none_to_a_tensorflow_built_without_it(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "nvidia0").touch()

    def missing(distribution: str) -> str:
        raise selection.PackageNotFoundError(distribution)

    monkeypatch.setattr(selection, "version", missing)
    assert not has_gpu(tmp_path)


def test_an_engine_that_is_set_but_not_installed_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    folder = RELEASES_FOLDER / CURRENT_RELEASE
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(ClassifierError, match=r"install pneumoscreen\[openvino\]"):
        build_engine(load_release(folder), folder, EngineName.OPENVINO)
