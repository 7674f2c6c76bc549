"""JAX's compiled programs, kept on disk for the next start."""

import contextlib
import hashlib
import os
import pathlib
from collections.abc import Callable

from srfeat_jax import atomic, errors

_FOLDER = "numbers"


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


def number(key: str, compute: Callable[[], float]) -> float:
  """A number that a compiled program tells, kept beside the programs.

  It takes long to find out, because the network has to be traced.

  Args:
    key: what the number depends on, but for the versions of JAX and XLA and the
      kind of device.
    compute: finds it out, where it is not kept yet.
  """
  import jax
  import jaxlib

  folder = jax.config.jax_compilation_cache_dir  # type: ignore[attr-defined]
  if not folder or "://" in folder:
    return compute()
  device = jax.local_devices()[0]
  versions = (jax.__version__, jaxlib.__version__)
  whole = repr((key, versions, device.platform, device.device_kind))
  name = hashlib.sha256(whole.encode()).hexdigest()
  file = pathlib.Path(folder) / _FOLDER / name
  with contextlib.suppress(OSError, ValueError):  # missing, or damaged
    return float(file.read_text())
  value = compute()
  with contextlib.suppress(errors.InputError):  # a full disk: next time again
    atomic.replace(file, repr(value).encode())
  return value
