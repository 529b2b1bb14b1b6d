"""What the README claims, re-run by one command each.

This room must not be imported by the product.
"""
