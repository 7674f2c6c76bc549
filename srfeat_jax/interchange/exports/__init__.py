"""Generators as programs that other runtimes execute."""
