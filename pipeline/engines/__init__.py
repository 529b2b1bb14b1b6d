"""The engines: what runs a release's network on a processor or a GPU, each behind one Protocol.

Each engine's library is imported by its own module alone, and only when that engine is built.
"""
