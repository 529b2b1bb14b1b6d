"""The long-running processes: watcher, Celery worker, scheduler, and their jobs.

It must not know how a radiograph is screened.
"""
