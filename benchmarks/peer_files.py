"""Upscales files with PyTorch as Real-ESRGAN's program does.

  python -m benchmarks.peer_files FOLDER OUTPUT TILE

One file after the other is read, upscaled and written. With TILE 0 the image
goes through the network in one piece, else in tiles of that side with 10 pixels
more on each side, which are cut off from the results. The network is that of
srfeat-lite and srfeat-photo with random weights. `files_suite` calls it.
"""

import os
import pathlib
import resource
import sys

import numpy as np
import torch
from PIL import Image

from benchmarks import cases, peers

_PADDING = 10  # Real-ESRGAN's, in LR pixels
_QUALITY = 95  # of JPEG: OpenCV's default
_SHARE = 0.9  # of this machine's memory, so that it is refused and not killed


def main(folder: str, output: str, tile: int) -> None:
  """Upscales all files of a folder into another."""
  total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
  limit = int(_SHARE * total)
  resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
  config = cases.generator_config("srfeat_lite", "float32")
  network = peers.Generator(config, peers.prepare()).module
  scale = config["scale"]
  Image.MAX_IMAGE_PIXELS = None
  for path in sorted(pathlib.Path(folder).iterdir()):
    image = np.asarray(Image.open(path).convert("RGB"))
    lr = torch.from_numpy(image.astype(np.float32) / 255)
    lr = lr.permute(2, 0, 1)[None]
    with torch.no_grad():
      sr = in_tiles(network, lr, tile, scale) if tile else network(lr)
    sr = sr[0].float().clamp_(0, 1).permute(1, 2, 0).numpy()
    levels = (sr * 255.0).round().astype(np.uint8)
    Image.fromarray(levels).save(
      pathlib.Path(output, path.name), quality=_QUALITY
    )


def in_tiles(
  network: torch.nn.Module, lr: torch.Tensor, tile: int, scale: int
) -> torch.Tensor:
  """Upscales [1, 3, h, w] tile by tile."""
  height, width = lr.shape[2:]
  sr = lr.new_zeros(1, 3, scale * height, scale * width)
  for top in range(0, height, tile):
    for left in range(0, width, tile):
      bottom, right = min(top + tile, height), min(left + tile, width)
      above, before = max(top - _PADDING, 0), max(left - _PADDING, 0)
      piece = lr[:, :, above : bottom + _PADDING, before : right + _PADDING]
      result = network(piece)
      down, along = scale * (top - above), scale * (left - before)
      rows, columns = scale * (bottom - top), scale * (right - left)
      sr[:, :, scale * top : scale * bottom, scale * left : scale * right] = (
        result[:, :, down : down + rows, along : along + columns]
      )
  return sr


if __name__ == "__main__":
  main(sys.argv[1], sys.argv[2], int(sys.argv[3]))
