"""From a name, a workdir or a file to a generator's weights."""
