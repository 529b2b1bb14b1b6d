"""Reader processes open untrusted files, with limits of memory and time.

It must not know a database, nor what becomes of a result.
"""
