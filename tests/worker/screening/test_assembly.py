from pathlib import Path
from typing import Any

import pytest

from tests.worker.fakes import BrightnessClassifier
from worker.screening.assembly import load_for
from worker.settings import load_settings


@pytest.mark.parametrize(("files", "many"), [(1, False), (32, False), (33, True)])
def test_a_run_of_more_than_one_batch_loads_what_it_will_need(
    monkeypatch: pytest.MonkeyPatch, files: int, *, many: bool
) -> None:
    asked: list[Any] = []

    def load(*arguments: object, **options: object) -> BrightnessClassifier:
        asked.append((arguments, options))
        return BrightnessClassifier()

    monkeypatch.setattr("worker.screening.assembly.load_classifier", load)
    settings = load_settings().model_copy(update={"batch_size": 32})
    load_for(settings, files)(Path("release"))
    assert asked == [((Path("release"), settings.engine), {"for_many": many})]
