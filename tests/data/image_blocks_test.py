"""Several crops of each decoded image, and how much is read ahead."""

import collections
import gc
import itertools
import json
import threading
import weakref
from unittest import mock

import grain
import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax.data import image_blocks, pipeline

CROP, BATCH_SIZE = 8, 48
NUM_IMAGES, CROPS = 200, 3
MIB = 1 << 20


class Counted:
  """Images whose pixels have the numbers of their image, row and column."""

  def __init__(self):
    self.decoded = collections.Counter()
    self._lock = threading.Lock()

  def __len__(self):
    return NUM_IMAGES

  def __getitem__(self, index):
    with self._lock:
      self.decoded[index] += 1
    rows, columns = np.mgrid[:32, :40]
    number = np.full_like(rows, index)
    return np.stack([number, rows, columns], -1).astype(np.uint8)

  def __reduce__(self):
    return Counted, ()


class CloseTest(absltest.TestCase):
  def test_closing_frees_the_crops(self):
    # Those of workers are in shared memory, which else would leak.
    made = []

    def group(index):
      crops = np.full((2, 4, 4, 3), index, np.uint8)
      made.append(weakref.ref(crops))
      return crops

    batches = iter(
      image_blocks.Batches(
        grain.MapDataset.range(100).map(group).repeat(),
        batch_size=4,
        crops_per_image=2,
        crop_bytes=48,
        process_index=0,
        process_count=1,
        num_workers=0,
      )
    )
    next(batches)
    self.assertIsNotNone(made[0]())
    batches.close()
    gc.collect()
    self.assertIsNone(made[0]())
    # And it may begin again.
    batches.set_state({"global_next_index": 4})
    self.assertEqual(next(batches)[:, 0, 0, 0].tolist(), [4, 5, 6, 7])
    batches.close()


class BatchesTestCase(parameterized.TestCase):
  def batches(self, source=None, **options):
    settings = {
      "crop_size": CROP,
      "crop": "random",
      "augment": False,
      "batch_size": BATCH_SIZE,
      "seed": 0,
      "crops_per_image": CROPS,
    }
    iterator = pipeline.create(
      [source or Counted()], [1.0], **settings | options
    )
    self.addCleanup(iterator.close)
    return iterator

  def crops(self, iterator, count: int) -> np.ndarray:
    """Number of the image, top and left of each crop, [batches, rows, 3]."""
    taken = itertools.islice(iterator, count)
    return np.stack([batch[:, 0, 0] for batch in taken])


class OrderTest(BatchesTestCase):
  def test_images_come_in_blocks_that_are_gone_through_several_times(self):
    images = self.crops(self.batches(crops_per_image=1), 6)[..., 0].ravel()
    crops = self.crops(self.batches(), 12)
    block = image_blocks.BLOCK
    expected = [
      images[start : start + block]
      for start in (0, 0, 0, block, block, block, 2 * block, 2 * block)
    ]
    ours = crops[..., 0].ravel()[: 8 * block]
    np.testing.assert_array_equal(ours, np.concatenate(expected))
    for batch in crops:
      self.assertLen(set(batch[:, 0]), BATCH_SIZE)
    # The crops of an image are cut at random, each by itself.
    first = crops.reshape(-1, 3)[: CROPS * block].reshape(CROPS, block, 3)
    self.assertGreater(np.mean(first[0] != first[1]), 0.5)
    self.assertLess(np.mean(np.all(first[0] == first[1], axis=-1)), 0.05)

  def test_an_image_is_decoded_once_for_its_crops(self):
    source = Counted()
    self.crops(self.batches(source), NUM_IMAGES * CROPS // BATCH_SIZE)
    # And what is read ahead: 576 would be one for each crop.
    self.assertBetween(source.decoded.total(), 192, 2 * NUM_IMAGES)

  # Of three processes, each needs all images of a block.
  @parameterized.parameters((4, 0), (3, 0), (2, 2))
  def test_processes_share_a_batch_and_are_restored(self, count, num_workers):
    whole = self.batches(augment=True)
    expected = [next(whole) for _ in range(6)]
    iterator = self.batches(augment=True)
    self.crops(iterator, 2)
    state = json.loads(json.dumps(iterator.get_state()))
    shares = []
    for index in range(count):
      share = self.batches(
        augment=True,
        process_index=index,
        process_count=count,
        num_workers=num_workers if index == 1 else 0,
      )
      share.set_state(state)
      shares.append(share)
    for batch in expected[2:]:
      rows = np.stack([next(share) for share in shares], 1)
      np.testing.assert_array_equal(rows.reshape(batch.shape), batch)
    self.assertEqual({share.get_state() == state for share in shares}, {False})
    self.assertEqual(shares[0].get_state(), shares[-1].get_state())


class ReadAheadTest(parameterized.TestCase):
  """How far is read ahead, on machines with other numbers of cores."""

  @parameterized.product(num_workers=(0, 1, 64), crops=(1, 8))
  def test_bounds(self, num_workers, crops):
    readers, sent = max(1, num_workers), 4 if num_workers else 1
    for cores, share, size in itertools.product(
      (2, 64), (1, 16, 1024), (48, 296, 2048, 16384)
    ):
      crop_bytes = 3 * size**2
      with mock.patch.object(image_blocks.threads, "cores", return_value=cores):
        options = image_blocks.read_options(
          share, crops, crop_bytes, num_workers, sent
        )
      ahead = options.prefetch_buffer_size
      fewest = 1
      if num_workers:  # each has made, sent and delivered some
        ahead, fewest = ahead + 3, fewest + 3
      ahead, fewest = (
        each * readers * sent * crops for each in (ahead, fewest)
      )
      self.assertLessEqual(
        ahead * crop_bytes, max(256 * MIB, fewest * crop_bytes)
      )
      self.assertBetween(options.num_threads, 1, options.prefetch_buffer_size)
      self.assertLessEqual(options.num_threads, cores + 2)
      if size == 48 and not num_workers:
        # In images, not in batches: of some batches, or of a block.
        block = 64 * crops if crops > 1 else 0
        most = max(4 * share, 2 * (cores + 2), block)
        self.assertBetween(ahead, most - crops, most)


if __name__ == "__main__":
  absltest.main()
