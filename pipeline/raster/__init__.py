"""Reads PNG and JPEG files, and the JSON sidecars that describe them.

It must not decide whether a radiograph is scored.
"""
