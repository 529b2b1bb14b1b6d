"""Fakes of the service's own parts."""

from pipeline.codes import Lane


class RecordingHints:
    """Remembers what it was asked to hint at."""

    def __init__(self) -> None:
        self.sent: list[tuple[Lane, int]] = []

    def send(self, lane: Lane, rows: int, /) -> int:
        if rows:
            self.sent.append((lane, rows))
        return min(rows, 1)


class ScriptedSteps:
    """Gives one prepared answer, or raises one prepared error, a step; then nothing is left."""

    def __init__(self, *script: int | Exception) -> None:
        self._script = list(script)
        self.steps = 0

    def step(self) -> int:
        self.steps += 1
        answer = self._script.pop(0) if self._script else 0
        if isinstance(answer, Exception):
            raise answer
        return answer
