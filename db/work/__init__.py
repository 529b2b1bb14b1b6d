"""Hands work to the workers: claims under a lease, results, reprocessing, jobs.

It must not know how an instance is screened.
"""
