"""Draws crops of photos, upscaled with several weights, at 100 %.

  python -m benchmarks.photo_grid PHOTO.jpg OTHER.png@120,80,96,72 \\
    --weights=bicubic,srfeat-lite,x4plus=FILE.safetensors --output=grid.png

For photos that have no HR image to compare with, so that only the eye decides.
After @ come left, top, width and height of the crop in pixels of the photo; by
default the crop is at the center. Each row is a crop, each column one of the
weights, which are named as for `benchmarks.photos`.
"""

from collections.abc import Sequence

from absl import flags

from benchmarks import crops, named_weights
from srfeat_jax import cli, errors
from srfeat_jax.image_io import images

_WEIGHTS = flags.DEFINE_list(
  "weights", None, "the columns, NAME=WEIGHTS or WEIGHTS", required=True
)
_OUTPUT = flags.DEFINE_string(
  "output", None, "image file to write", required=True
)


def main(argv: Sequence[str]) -> None:
  """Draws as the flags say."""
  if len(argv) < 2:
    raise errors.InputError("no photo is named: expected one or more")
  chosen = named_weights.named(_WEIGHTS.value)
  places = [crops.read(text) for text in argv[1:]]
  columns = {}
  for name, path in chosen.items():
    upscale = named_weights.load(path)
    columns[name] = [crops.upscaled(upscale, *crop) for crop in places]
  images.write(_OUTPUT.value, crops.sheet(columns))
  print(_OUTPUT.value)


if __name__ == "__main__":
  cli.run(main)
