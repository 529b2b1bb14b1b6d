"""A helper process ends with its parent, even one that was killed."""

import subprocess
import sys

PARENT = """
import subprocess, sys
subprocess.run([sys.executable, "-c", sys.argv[1]])
"""
HELPER = """
import time
from pipeline.processes import end_with_parent
end_with_parent()
print("ready", flush=True)
time.sleep(20)
print("outlived its parent", flush=True)
"""


def test_a_helper_ends_when_its_parent_is_killed() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, HELPER], stdout=subprocess.PIPE, text=True
    ) as parent:
        assert parent.stdout
        assert parent.stdout.readline() == "ready\n"
        parent.kill()
        # Ends when the helper does, which has the same standard output.
        assert parent.stdout.read() == ""
