"""The long-running processes: watcher, Celery worker, scheduler, and what they run by the clock.

It must not know how a radiograph is screened.
"""
