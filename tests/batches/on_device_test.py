"""Crops cut on the devices: those that the host would have cut."""

import contextlib
import io
import pathlib
from unittest import mock

import jax
import ml_collections
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.batches import (
  device_memory,
  on_device,
  on_host,
  training_images,
)
from srfeat_jax.configs import common
from srfeat_jax.image_io import images
from srfeat_jax.preparation import planning, recipes, sets
from tests.support import image_files

SIZES = [(20, 30), (16, 16), (25, 40), (33, 17)] * 5


def _free(share: float):
  """As if each device had memory for this many times one test's images."""
  return mock.patch.object(
    device_memory,
    "room",
    lambda mesh: device_memory.Room(mesh.size, share * 50_000, "CPU"),
  )


class OnDeviceTest(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    rng = np.random.default_rng(0)
    self.photos = self.folder / "photos"
    for i, (height, width) in enumerate(SIZES):
      hr = rng.integers(0, 256, (height, width, 3), np.uint8)
      images.write(self.photos / f"{i:02}.png", hr)
      lr = rng.integers(0, 256, (height // 2, width // 2, 3), np.uint8)
      images.write(self.folder / "lr" / f"{i:02}.png", lr)
      sr = rng.integers(0, 256, (*(2 * n for n in lr.shape[:2]), 3), np.uint8)
      images.write(self.folder / "teacher" / f"{i:02}.png", sr)
    pairs = f"hr={self.photos},lr={self.folder / 'lr'}"
    prepared = str(self.folder / "set")
    sets.prepare(
      planning.Request(
        folders=[str(self.photos)],
        output=prepared,
        preset="folder",
        recipe=recipes.Whole(1),
        processes=1,
        lr_folders=[str(self.folder / "lr")],
        lr_scale=2,
      )
    )
    taught = f"{pairs},teacher={self.folder / 'teacher'}"
    self.train = {
      "folder": str(self.photos),
      "pairs with a teacher's output": taught,
      "both": f"{pairs},{self.photos}=2",
      "prepared pairs": f"{prepared},{self.photos}",
    }

  def both(self, kind="folder", devices=4, **settings):
    """Batches on the host and on the device, the latter not yet loaded."""
    config = common.get_config()
    config.data.train = self.train[kind]
    config.batch_size, config.crop_size = 4, 16
    config.generator = ml_collections.ConfigDict(
      {"architecture": "srresnet", "scale": 2}
    )
    config.data.update(settings)
    mesh = jax.sharding.Mesh(np.array(jax.devices()[:devices]), ("data",))
    with contextlib.redirect_stdout(io.StringIO()):
      found = training_images.find(config)
    # Of two batches, as for two steps of the discriminators.
    made = [
      each.Batches(config, found, mesh, 8) for each in (on_host, on_device)
    ]
    for batches in made:
      self.addCleanup(batches.close)
    return made

  @parameterized.parameters(
    ("folder", 1, 20),
    ("folder", 4, 20),
    ("folder", 4, 1, 3),  # divided between the devices
    ("pairs with a teacher's output", 1, 20),
    ("both", 4, 1, 3),
    ("prepared pairs", 1, 20),
  )
  def test_same_crops_and_same_state(
    self, kind, devices, share, crops_per_image=1
  ):
    damaged = self.photos / "03.png"
    damaged.write_bytes(damaged.read_bytes()[:700])
    with _free(share):
      host, device = self.both(kind, devices, crops_per_image=crops_per_image)
    device.load()
    # More than an epoch, or other crops of images that were there.
    for _ in range(4 if crops_per_image == 1 else 10):
      jax.tree.map(np.testing.assert_array_equal, next(host), next(device))
      self.assertEqual(host.get_state(), device.get_state())

  def test_center_crops_as_they_are(self):
    with _free(1):
      host, device = self.both(crop="center", augment=False)
    device.load()
    np.testing.assert_array_equal(next(host), next(device))

  def test_goes_on_where_the_host_was(self):
    host, device = self.both()
    next(host)
    device.set_state(host.get_state())
    device.load()
    np.testing.assert_array_equal(next(host), next(device))

  def test_each_device_holds_its_rows_alone(self):
    with _free(1):
      _, device = self.both()
    device.load()
    (held,) = [x for x in jax.live_arrays() if x.ndim == 2]
    self.assertGreaterEqual(len(held), 4)
    for shard in held.addressable_shards:
      self.assertLen(shard.data, len(held) // 4)

  def test_refused_before_anything_is_decoded(self):
    with (
      _free(0.1),
      mock.patch.object(images, "read_rgb") as read,
      self.assertRaisesRegex(errors.InputError, "on_device.*take.*free"),
    ):
      self.both()
    read.assert_not_called()

  def test_what_cannot_be_loaded(self):
    _, device = self.both()
    images.write(self.photos / "00.png", np.zeros((50, 50, 3), np.uint8))
    with self.assertRaisesRegex(
      errors.InputError, "image 0 of .*photos has 50x50 .*, and had 30x20"
    ):
      device.load()
    for path in pathlib.Path(self.photos).iterdir():
      path.write_bytes(path.read_bytes()[:60])
    with self.assertRaisesRegex(errors.InputError, "none of the 20 images"):
      device.load()


if __name__ == "__main__":
  absltest.main()
