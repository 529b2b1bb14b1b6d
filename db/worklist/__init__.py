"""What readers ask for and say: the worklist, histories, acknowledgements, feedback.

It must not know claims or leases.
"""
