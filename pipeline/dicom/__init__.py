"""Reads DICOM files; only this room of the pipeline knows pydicom.

It must not decide whether a radiograph is scored, nor what becomes of a file.
"""
