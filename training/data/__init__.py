"""Cohorts, splits, images, augmentation and batches: what a network is trained on.

It must not know any network.
"""
