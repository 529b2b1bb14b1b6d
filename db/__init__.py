"""The tables, and every query and change that is made to them: the row is the truth.

This room must not know of TensorFlow or Celery, nor decode a file.
"""
