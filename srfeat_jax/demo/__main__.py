"""Serves a page to upscale images on, for this computer's browser.

  python -m srfeat_jax.demo --weights=runs/x4

The weights that come with the package are always offered; --weights may be
repeated. Nothing is sent to other computers, and nobody else can see the page
unless --host allows it. Ctrl-C ends the program, and uploaded images and
results are then deleted.
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
  "weights", [], "workdir of a run or weights file, which is offered first"
)
_BLEND = flags.DEFINE_string(
  "blend",
  None,
  "other weights of the same architecture, proposed for blending with the first"
  " --weights",
)
_HOST = flags.DEFINE_string(
  "host",
  "127.0.0.1",
  "address to serve the page at: by default only for this computer; 0.0.0.0:"
  " for everyone who can reach it",
)
_PORT = flags.DEFINE_integer(
  "port", 7860, "port to serve the page at; 0: any free port", 0, 65535
)
_MAX_MEGAPIXELS = flags.DEFINE_float(
  "max_megapixels",
  None,
  "size of the largest images that are accepted, all frames together; by"
  " default what the free memory of this computer allows",
  lower_bound=0,
)
_MAX_MINUTES = flags.DEFINE_float(
  "max_minutes",
  120,
  "longest time that an image may take, as it is estimated",
  lower_bound=0,
)


def main(argv: Sequence[str]) -> None:
  """Serves the page until it is interrupted."""
  if argv[1:]:
    raise errors.InputError(
      f'unexpected argument "{argv[1]}": images are chosen on the page'
    )
  if _BLEND.value and not _WEIGHTS.value:
    raise errors.InputError("--blend needs --weights to blend with")
  port = _free_port(_HOST.value, _PORT.value)
  with tempfile.TemporaryDirectory(prefix="srfeat_jax_") as folder:
    _configure_gradio(folder)
    _import_gradio()
    # Only now, because they import Gradio and JAX, which takes seconds.
    from srfeat_jax.demo import limits, menu
    from srfeat_jax.demo import page as page_lib
    from srfeat_jax.demo import service as service_lib

    compile_cache.use()
    weights = filter(None, [*_WEIGHTS.value, _BLEND.value])
    allowed = limits.Limits(_MAX_MEGAPIXELS.value, _MAX_MINUTES.value)
    service = service_lib.Service(menu.Menu(weights), allowed, folder)
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
      f"the page cannot be served at {host}:{port}: {error.strerror}; choose"
      " another --port or --host; --port=0 takes any free port"
    ) from error


def _configure_gradio(folder: str) -> None:
  """Makes Gradio keep its files in a folder, and contact no other server."""
  os.environ["GRADIO_TEMP_DIR"] = folder
  os.environ["GRADIO_ANALYTICS_ENABLED"] = "False"
  os.environ["HF_HUB_OFFLINE"] = "1"
  os.environ["HF_HUB_DISABLE_TELEMETRY"] = "1"
  # It logs each request that Gradio makes to its own server.
  logging.getLogger("httpx").setLevel(logging.WARNING)


def _import_gradio() -> None:
  try:
    import gradio  # noqa: F401
  except ModuleNotFoundError as error:
    if error.name != "gradio":
      raise
    raise errors.InputError(
      "the page needs Gradio, which is not installed: run launch/install.sh"
      ' demo, or pip install "gradio>=6,<7"'
    ) from error


if __name__ == "__main__":
  cli.run(main)
