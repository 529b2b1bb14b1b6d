"""The command line: a command reads its options, calls one function, shows the result.

No rule of the product may live here.
"""
