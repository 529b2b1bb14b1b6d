"""The engines that run a release's network on a processor or a GPU, all behind one Protocol.

Only an engine's own module may import its library, and only when that engine is built.
"""
