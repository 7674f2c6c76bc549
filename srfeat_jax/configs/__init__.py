"""Configs of runs, one file each, for `--config`."""
