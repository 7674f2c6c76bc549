"""Weights in files of other formats, in and out."""
