"""Draws one image as several generators upscale it, side by side.

  python -m docs.gallery IMAGE OUTPUT.png NAME=WEIGHTS NAME=WEIGHTS ...

The image is downscaled four times and upscaled again: by bicubic first, then by
each of the weights under its name; last comes the original. For the image "-",
the portrait of Grace Hopper (US Navy, public domain) of matplotlib is taken.
"""

import sys

from matplotlib import cbook

from srfeat_jax import models
from srfeat_jax.evaluation import report
from srfeat_jax.image_io import images
from srfeat_jax.inference import upscaler
from srfeat_jax.ops import resize
from srfeat_jax.weights import lookup

_SCALE = 4


def main(image: str, output: str, *named: str) -> None:
  """Draws as the arguments say."""
  if image == "-":
    image = cbook.get_sample_data("grace_hopper.jpg", asfileobj=False)
  hr = images.read_rgb(image)
  hr = hr[: len(hr) // _SCALE * _SCALE, : hr.shape[1] // _SCALE * _SCALE]
  lr = resize.resize(hr, 1 / _SCALE)
  versions = {"bicubic": upscaler.bicubic(lr, _SCALE)}
  for text in named:
    name, _, path = text.partition("=")
    loaded = lookup.load(path)
    generator = models.build(loaded.generator)
    versions[name] = upscaler.Upscaler(generator, loaded.variables)(lr)
  report.comparison([report.Row("", versions, hr)], output)


if __name__ == "__main__":
  main(*sys.argv[1:])
