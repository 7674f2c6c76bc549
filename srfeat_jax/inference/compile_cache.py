"""JAX's compiled programs, kept on disk for the next start."""

import os
import pathlib


def use() -> None:
  """Keeps compiled programs in the user's cache folder, if it is writable.

  That is `$XDG_CACHE_HOME/srfeat_jax`, or `~/.cache/srfeat_jax`. A folder set
  for JAX itself, by `$JAX_COMPILATION_CACHE_DIR`, takes precedence. Call this
  before anything is compiled.
  """
  import jax  # takes seconds

  if jax.config.jax_compilation_cache_dir:  # type: ignore[attr-defined]
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
  # Programs that compile fast, too: each start compiles many of them.
  jax.config.update("jax_persistent_cache_min_compile_time_secs", 0.1)
