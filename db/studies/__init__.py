"""Derives each study's line of the worklist from its instances, orders and acknowledgements.

It must not know how an instance came in, nor who screens it.
"""
