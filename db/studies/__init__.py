"""Derives each study's line of the worklist from its instances and orders.

It must not know how an instance came in, nor who screens it.
"""
