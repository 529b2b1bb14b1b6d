"""Reads DICOM: the only room of the pipeline that knows pydicom.

This room must not decide whether a radiograph is scored, nor what becomes of a file.
"""

from pipeline.imports import absent

# pydicom imports `requests` where it is installed, to download test files; a reader would wait a
# tenth of a second for that.
with absent("requests"):
    import pydicom  # noqa: F401
