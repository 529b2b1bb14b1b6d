"""The words for engines and what they compute in. Imports no library: every command reads these."""

from enum import StrEnum


class EngineName(StrEnum):
    """What runs the network; ``auto`` is the fastest that is installed and has its device."""

    AUTO = "auto"
    TENSORFLOW = "tensorflow"
    OPENVINO = "openvino"


class Precision(StrEnum):
    """In which numbers the network is computed. Its last layer is float32 in any case."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"
