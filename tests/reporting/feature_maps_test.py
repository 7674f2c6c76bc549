"""Feature maps against VGG-19 in PyTorch."""

import numpy as np
from absl.testing import absltest
from matplotlib import colormaps

from srfeat_jax.reporting import feature_maps, gallery
from tests.support import image_files, vgg19_files
from tests.support.torch_networks import torch_vgg

_LAYER, _SCALE = "relu2_2", 0.5


class FeatureMapsTest(image_files.FolderTestCase):
  def test_maps_and_distances(self):
    path = self.folder / "vgg19.safetensors"
    vgg19_files.write("safetensors", path, torch_vgg.state())
    rng = np.random.default_rng(0)
    target = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    output = rng.integers(0, 256, (32, 32, 3), dtype=np.uint8)
    extractor = feature_maps.Extractor(str(path), _LAYER, _SCALE)
    versions = {"output": output}
    example = gallery.Example("Set", "a", versions, {}, target)
    figure = extractor.figure(example, ["output", "gone"])

    theirs = {
      name: _SCALE
      * torch_vgg.compute(
        image[None].astype(np.float32) / 255, _LAYER, "torchvision", "floor"
      )[0]
      for name, image in (("output", output), ("target", target))
    }
    first, last = figure.rows
    self.assertEqual((first.caption, last.caption), ("output", "target"))
    error = np.mean((theirs["output"] - theirs["target"]) ** 2)
    self.assertAlmostEqual(first.distance / error, 1, places=4)
    self.assertEqual(last.distance, 0)
    # The channels with the largest values in the target, in one color scale.
    means = theirs["target"].mean((0, 1))
    self.assertEqual(
      list(figure.channels), np.argsort(-means)[: len(figure.channels)].tolist()
    )
    for row in figure.rows:
      for channel, colors in zip(figure.channels, row.maps, strict=True):
        shares = np.clip(theirs[row.caption][..., channel] / figure.top, 0, 1)
        expected = 255 * colormaps["viridis"](shares)[..., :3]
        np.testing.assert_allclose(colors, expected, atol=1.5)

  def test_nothing_to_compare(self):
    path = self.folder / "vgg19.safetensors"
    vgg19_files.write("safetensors", path, torch_vgg.state())
    extractor = feature_maps.Extractor(str(path))
    image = np.zeros((40, 20, 3), np.uint8)
    for target in (None, image):  # or the target is too small
      example = gallery.Example("Set", "a", {"output": image}, {}, target)
      self.assertIsNone(extractor.figure(example, ["output"]))


if __name__ == "__main__":
  absltest.main()
