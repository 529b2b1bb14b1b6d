"""The words by which a setting chooses an engine. Imports nothing: every command reads settings."""

from enum import StrEnum


class EngineName(StrEnum):
    """What runs the network; ``auto`` is the fastest that is installed and has its device."""

    AUTO = "auto"
    TENSORFLOW = "tensorflow"
    OPENVINO = "openvino"
