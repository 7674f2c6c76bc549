"""Puts a page, a runtime and networks into one HTML file.

A page that is opened from disk may fetch no other file and start no worker from
one, so everything is within: compressed, in base64, in elements of its own.
"""

import base64
import gzip
import html
import importlib.resources
import json
import pathlib
from collections.abc import Mapping
from typing import NamedTuple

from srfeat_jax import atomic, errors

VERSION = "1.30"  # of onnxruntime-web that this was tried with
# What is needed of the npm package onnxruntime-web, by the id of its element.
_RUNTIME = {
  "runtime": "dist/ort.wasm.min.js",
  "loader": "dist/ort-wasm-simd-threaded.mjs",
  "wasm": "dist/ort-wasm-simd-threaded.wasm",
}
_TILE = 128  # LR pixels


class Network(NamedTuple):
  """A generator for the page.

  Attributes:
    graph: ONNX, from "lr" to "sr".
    scale: its scale factor.
    margin: its receptive radius in LR pixels.
  """

  graph: bytes
  scale: int
  margin: int


def write(
  path: pathlib.Path,
  networks: Mapping[str, Network],
  package: pathlib.Path,
  tile: int = _TILE,
) -> int:
  """Writes the page.

  Args:
    path: the HTML file, replaced if it exists.
    networks: by the names that the page shows.
    package: the folder of the npm package onnxruntime-web.
    tile: height and width of a tile, in LR pixels without the margin.

  Returns:
    The file's size in bytes.

  Raises:
    errors.InputError: the package is not there, or the file cannot be written.
  """
  elements = [
    _packed(name, _read(package / file)) for name, file in _RUNTIME.items()
  ]
  settings = {}
  for index, (name, network) in enumerate(networks.items()):
    graph = f"graph{index}"
    elements.append(_packed(graph, network.graph))
    settings[name] = {
      "graph": graph,
      "scale": network.scale,
      "margin": network.margin,
      "tile": tile,
    }
  ours = importlib.resources.files("srfeat_jax.browser") / "page"
  elements += [
    _element("settings", json.dumps(settings).replace("<", "\\u003c")),
    _element("worker", (ours / "worker.js").read_text("utf-8")),
  ]
  license_text = (ours / "onnxruntime_license.txt").read_text("utf-8").rstrip()
  page = (ours / "index.html").read_text("utf-8")
  for name, text in {
    "page.css": (ours / "page.css").read_text("utf-8"),
    "page.js": (ours / "page.js").read_text("utf-8"),
    "license": html.escape(license_text),
    "data": "\n".join(elements),
  }.items():
    page = page.replace(f"@@{name}@@", text)
  data = page.encode()
  atomic.replace(path, data)
  return len(data)


def _read(path: pathlib.Path) -> bytes:
  try:
    return path.read_bytes()
  except OSError as error:
    raise errors.InputError(
      f"{path} cannot be read ({error.strerror}): run `npm install --no-save"
      f" onnxruntime-web@{VERSION}`, and name the folder"
      " node_modules/onnxruntime-web with --onnxruntime"
    ) from error


def _packed(name: str, data: bytes) -> str:
  packed = gzip.compress(data, mtime=0)  # the same whenever it is built
  return _element(name, base64.b64encode(packed).decode())


def _element(name: str, text: str) -> str:
  """An element whose text browsers leave alone."""
  return f'<script type="text/plain" id="{name}">{text}</script>'
