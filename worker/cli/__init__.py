"""The command line: each command unpacks its options, calls one function, shows the result.

No rule of the product may live here.
"""
