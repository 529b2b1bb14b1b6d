"""Reads DICOM files; only this room of the pipeline knows pydicom.

It must not decide whether a radiograph is scored, nor what becomes of a file.
"""

from pipeline.imports import package_hidden

# Where `requests` is installed, pydicom imports it to download test files, which takes a tenth of a
# second. Here, since this runs before any module of the room imports pydicom.
with package_hidden("requests"):
    import pydicom  # noqa: F401
