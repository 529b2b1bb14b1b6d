"""What readers ask for and say: the worklist, a study's history, acknowledgements, feedback.

It must not know claims or leases.
"""
