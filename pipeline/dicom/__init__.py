"""Reads DICOM: the only room of the pipeline that knows pydicom.

This room must not decide whether a radiograph is scored, nor what becomes of a file.
"""
