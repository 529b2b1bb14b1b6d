"""The tables, and every question and change that is put to them; the row is the truth.

This room must not know of TensorFlow or Celery, nor decode a file.
"""
