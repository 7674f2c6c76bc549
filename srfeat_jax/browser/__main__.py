"""Makes a page that upscales images in a browser, without a server.

  npm install --no-save onnxruntime-web@1.30
  python -m srfeat_jax.browser --weights=srfeat-photo --output=upscale.html

The page is a single file with the network and ONNX Runtime Web, which npm
fetches. It opens from disk, needs no connection, and sends images nowhere.
Several --weights, separated by commas, can be chosen from on the page.
"""

import pathlib
import tempfile
from collections.abc import Sequence

from absl import flags

from srfeat_jax import cli, errors, places

_WEIGHTS = flags.DEFINE_list(
  "weights", ["srfeat-photo"], "names, workdirs or weights files"
)
_OUTPUT = flags.DEFINE_string(
  "output", None, "HTML file to write", required=True, short_name="o"
)
_ONNXRUNTIME = flags.DEFINE_string(
  "onnxruntime",
  "node_modules/onnxruntime-web",
  "folder of the npm package onnxruntime-web",
)


def main(argv: Sequence[str]) -> None:
  """Makes the page as the flags say."""
  if argv[1:]:
    raise errors.InputError(
      f'unexpected argument "{argv[1]}": images are chosen on the page'
    )
  places.refuse("--output", str(_OUTPUT.value))
  output = pathlib.Path(str(_OUTPUT.value))
  if output.suffix.lower() not in (".html", ".htm"):
    raise errors.InputError(f"--output={output} does not end in .html")
  from srfeat_jax.browser import single_page

  if not _WEIGHTS.value:
    raise errors.InputError("--weights names none")
  names = [pathlib.PurePath(name).name for name in _WEIGHTS.value]
  for name in names:
    if names.count(name) > 1:
      raise errors.InputError(
        f"--weights={','.join(_WEIGHTS.value)}: several are called {name}, by"
        " which people are to choose: rename one"
      )
  networks = {
    name: _network(weights)
    for name, weights in zip(names, _WEIGHTS.value, strict=True)
  }
  size = single_page.write(
    output, networks, pathlib.Path(str(_ONNXRUNTIME.value))
  )
  print(f"{output} ({', '.join(networks)}): {size / 1e6:.1f} MB")


def _network(name: str):
  from srfeat_jax import models
  from srfeat_jax.browser import single_page
  from srfeat_jax.interchange import generator_file
  from srfeat_jax.interchange.exports import onnx_file
  from srfeat_jax.weights import lookup

  loaded = lookup.load(name)
  config = generator_file.complete(loaded.generator)
  generator = models.build(config)
  if generator.receptive_radius is None:
    raise errors.InputError(
      f"{name} cannot be computed in tiles: it pools over the whole image"
    )
  if generator.unshuffle > 1:
    raise errors.InputError(
      f"{name} takes only sides that {generator.unshuffle} divides, which the"
      " page does not make of other images: choose weights that take all"
    )
  with tempfile.TemporaryDirectory() as folder:
    path = pathlib.Path(folder) / "graph.onnx"
    onnx_file.save(path, config, loaded.variables)
    graph = path.read_bytes()
  return single_page.Network(graph, generator.scale, generator.receptive_radius)


if __name__ == "__main__":
  cli.run(main)
