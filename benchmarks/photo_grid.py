"""Draws crops of pictures as several weights upscale them, at 100 %.

  python -m benchmarks.photo_grid PICTURE.jpg OTHER.png@120,80,96,72 \\
    --weights=bicubic,srfeat-lite,x4plus=FILE.safetensors --output=grid.png

For pictures that have no target: what remains is to look. After @ stand left,
top, width and height of the crop in pixels of the picture; else it is taken
from the middle. A row is a crop, a column are weights, as `benchmarks.photos`
takes them.
"""

from collections.abc import Sequence

from absl import flags

from benchmarks import crops, named_weights
from srfeat_jax import cli, errors
from srfeat_jax.image_io import images

_WEIGHTS = flags.DEFINE_list(
  "weights", None, "what to draw, NAME=WEIGHTS or WEIGHTS", required=True
)
_OUTPUT = flags.DEFINE_string("output", None, "the PNG", required=True)


def main(argv: Sequence[str]) -> None:
  """Draws as the flags say."""
  if len(argv) < 2:
    raise errors.InputError("no picture is named: expected one or more.")
  chosen = named_weights.named(_WEIGHTS.value)
  places = [crops.read(text) for text in argv[1:]]
  columns = {}
  for name, path in chosen.items():
    upscale = named_weights.load(path)
    columns[name] = [crops.enlarged(upscale, *crop) for crop in places]
  images.write(_OUTPUT.value, crops.sheet(columns))
  print(_OUTPUT.value)


if __name__ == "__main__":
  cli.run(main)
