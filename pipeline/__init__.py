"""One radiograph becomes one screening: values in, values out.

This room must not know of queues, of SQL, or of where a file came from.
"""
