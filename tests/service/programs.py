"""The real worker process, but for its network: a fake one, so that it starts in a second."""

import sys

from tests.worker.fakes import BrightnessClassifier
from worker.cli.startup import start
from worker.service import run_worker


def main() -> None:
    sys.exit(run_worker(start(), lambda _release: BrightnessClassifier()))


if __name__ == "__main__":
    main()
