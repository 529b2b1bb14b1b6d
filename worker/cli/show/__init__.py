"""Prints results: tables for people, JSON and CSV for programs.

It must not ask a database.
"""
