"""A whole run: all its parts, from a config or from a checkpoint."""
