"""Names of engines and precisions. Every command imports them, so this imports no library."""

from enum import StrEnum


class EngineName(StrEnum):
    """What runs the network; ``auto`` is the fastest that is installed and has its device."""

    AUTO = "auto"
    TENSORFLOW = "tensorflow"
    OPENVINO = "openvino"


class Precision(StrEnum):
    """Numbers in which the network is computed, except for its last layer, always float32."""

    FLOAT32 = "float32"
    FLOAT16 = "float16"
    BFLOAT16 = "bfloat16"
    INT8 = "int8"
