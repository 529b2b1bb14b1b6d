"""The values that travel: what a file says of itself, its image, its screening.

They are frozen and know nothing but the words in `pipeline.codes`: not how they are read or stored.
"""
