"""Generators as programs for other runtimes."""
