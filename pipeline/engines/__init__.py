"""Runs a release's network on a processor or a GPU: engines behind one Protocol.

It must not know what a network is for; only an engine's own module may import its library.
"""
