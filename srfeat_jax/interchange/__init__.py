"""Weights in the file formats of other programs: reading and writing."""
