"""Shows a page on which pictures can be enlarged, to this computer's browser.

  python -m srfeat_jax.demo --weights=runs/x4

Weights that come with the package are always offered; --weights may be given
several times. Nothing leaves the computer, and others cannot see the page
unless --host lets them. What people upload is deleted when the program ends,
which Ctrl-C does.
"""

import logging
import os
import signal
import socket
import sys
import tempfile
import threading
from collections.abc import Sequence

from absl import flags

from srfeat_jax import cli, errors
from srfeat_jax.inference import compile_cache

_WEIGHTS = flags.DEFINE_multi_string(
  "weights", [], "workdir of a run, or weights file, to offer first"
)
_BLEND = flags.DEFINE_string(
  "blend",
  None,
  "other weights of the same architecture, which the page proposes to blend"
  " with the first --weights",
)
_HOST = flags.DEFINE_string(
  "host",
  "127.0.0.1",
  "address to serve the page at: only for this computer, unless changed, for"
  " example to 0.0.0.0, for all who can reach it",
)
_PORT = flags.DEFINE_integer(
  "port", 7860, "port of it; 0: any that is free", 0, 65535
)
_MAX_MEGAPIXELS = flags.DEFINE_float(
  "max_megapixels",
  4,
  "how large a picture is accepted, in all its frames together",
  lower_bound=0,
)


def main(argv: Sequence[str]) -> None:
  """Serves the page until it is interrupted."""
  if argv[1:]:
    raise errors.InputError(
      f"What is {argv[1]}? Pictures are dropped on the page, not named here."
    )
  if _BLEND.value and not _WEIGHTS.value:
    raise errors.InputError("--blend needs --weights, to blend them with.")
  port = _free_port(_HOST.value, _PORT.value)
  with tempfile.TemporaryDirectory(prefix="srfeat_jax_") as folder:
    _configure_gradio(folder)
    _import_gradio()
    # Only now, for the page imports Gradio, and both take seconds.
    from srfeat_jax.demo import page as page_lib
    from srfeat_jax.demo import service as service_lib

    compile_cache.use()
    given = filter(None, [*_WEIGHTS.value, _BLEND.value])
    service = service_lib.Service(given, _MAX_MEGAPIXELS.value, folder)
    page = page_lib.build(service, _BLEND.value)
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
      url = page_lib.serve(page, _HOST.value, port)
      print(f"The page is at {url} until you press Ctrl-C.", flush=True)
      threading.Event().wait()
    except KeyboardInterrupt:
      print("The page is closed.", file=sys.stderr)
    finally:
      page.close(verbose=False)


def _free_port(host: str, port: int) -> int:
  """Returns the port, or a free one for 0."""
  try:
    with socket.create_server((host, port)) as server:
      return server.getsockname()[1]
  except OSError as error:
    raise errors.InputError(
      f"The page cannot be served at {host}:{port}: {error.strerror}. Choose"
      " another --port or --host; --port=0 takes any port that is free."
    ) from error


def _configure_gradio(folder: str) -> None:
  """Lets Gradio keep its files in a folder, and ask no server for anything."""
  os.environ["GRADIO_TEMP_DIR"] = folder
  os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
  os.environ["HF_HUB_OFFLINE"] = "1"
  os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
  # It tells of each request that Gradio makes to its own server.
  logging.getLogger("httpx").setLevel(logging.WARNING)


def _import_gradio() -> None:
  try:
    import gradio  # noqa: F401
  except ModuleNotFoundError as error:
    if error.name != "gradio":
      raise
    raise errors.InputError(
      "The page needs Gradio, which is not installed: run launch/install.sh"
      ' demo, or pip install "gradio>=6,<7".'
    ) from error


if __name__ == "__main__":
  cli.run(main)
