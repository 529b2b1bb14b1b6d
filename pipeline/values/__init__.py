"""The frozen values that travel between rooms: instance, radiograph, reading, screening.

They know only the words in `pipeline.codes`, and must not know how they are read or stored.
"""
