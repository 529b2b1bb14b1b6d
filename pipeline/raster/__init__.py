"""Reads PNG and JPEG files, with the sidecar that describes them.

It must not decide whether a radiograph is scored.
"""
