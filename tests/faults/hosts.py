"""Hosts on one machine: network namespaces on a bridge, whose cables a test can pull."""

import contextlib
import os
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Self
from uuid import uuid4


def _ip(*arguments: str) -> None:
    subprocess.run(["ip", *arguments], check=True, capture_output=True)


@dataclass(frozen=True)
class Hosts:
    """So many hosts, and the gateway, which is the machine itself."""

    names: Sequence[str]
    gateway: str

    @staticmethod
    def cannot_be_made() -> str | None:
        if os.geteuid() != 0:
            return "only root may make network namespaces"
        if shutil.which("ip") is None:
            return "iproute2 is not installed"
        return None

    @classmethod
    @contextlib.contextmanager
    def make(cls, count: int) -> "Iterator[Self]":
        tag = uuid4().hex[:6]
        subnet = f"10.{200 + int(tag[:2], 16) % 50}.{int(tag[2:4], 16)}"
        bridge = f"pb{tag}"
        made = cls([f"ph{tag}{number}" for number in range(count)], f"{subnet}.1")
        try:
            _ip("link", "add", bridge, "type", "bridge")
            _ip("address", "add", f"{made.gateway}/24", "dev", bridge)
            _ip("link", "set", bridge, "up")
            for number, name in enumerate(made.names):
                _ip("netns", "add", name)
                _ip("link", "add", name, "type", "veth", "peer", "name", "eth0", "netns", name)
                _ip("link", "set", name, "master", bridge, "up")
                inside = ("-n", name)
                _ip(*inside, "address", "add", f"{subnet}.{10 + number}/24", "dev", "eth0")
                _ip(*inside, "link", "set", "eth0", "up")
                _ip(*inside, "link", "set", "lo", "up")
            yield made
        finally:
            for name in made.names:
                with contextlib.suppress(subprocess.CalledProcessError):
                    _ip("netns", "delete", name)
            with contextlib.suppress(subprocess.CalledProcessError):
                _ip("link", "delete", bridge)

    def prefix(self, host: int) -> Sequence[str]:
        """Give what makes a command run on a host."""
        return ("ip", "netns", "exec", self.names[host])

    def cut(self, host: int) -> None:
        _ip("link", "set", self.names[host], "down")

    def mend(self, host: int) -> None:
        _ip("link", "set", self.names[host], "up")
