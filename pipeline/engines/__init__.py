"""Runs a release's network on a processor or a GPU: one engine a library, behind one Protocol.

An engine must not know what the network is for; its library is imported by its own module alone.
"""
