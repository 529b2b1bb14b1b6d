"""Measures every figure of speed in the documentation, by one command each.

It must not be imported by the product.
"""
