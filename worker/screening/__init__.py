"""Works off registered rows: claim, read, classify, record.

It must not know Celery, nor how a worker is told that there is work.
"""
