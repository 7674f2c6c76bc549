"""What JAX has compiled, kept on disk for the next start of a program."""

import os
import pathlib


def use() -> None:
  """Keeps compiled programs in the person's cache folder, if it is writable.

  That is `$XDG_CACHE_HOME/srfeat_jax`, or `~/.cache/srfeat_jax`. A folder set
  for JAX itself, by `$JAX_COMPILATION_CACHE_DIR`, goes before it. To be called
  before anything is compiled.
  """
  import jax  # takes seconds

  if jax.config.jax_compilation_cache_dir:
    return
  home = os.environ.get("XDG_CACHE_HOME") or "~/.cache"
  folder = pathlib.Path(home).expanduser() / "srfeat_jax"
  try:
    folder.mkdir(parents=True, exist_ok=True)
  except (OSError, RuntimeError):  # RuntimeError: there is no home
    return
  if not os.access(folder, os.W_OK | os.X_OK):
    return
  jax.config.update("jax_compilation_cache_dir", str(folder))
  # Also what compiles fast: a start compiles many such programs.
  jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
