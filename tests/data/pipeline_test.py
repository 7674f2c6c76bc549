"""The content of batches, which depends on nothing but the seed."""

import collections
import itertools
import json
import multiprocessing
from unittest import mock

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.data import image_blocks, pipeline

BATCH_SIZE = 16
NUM_IMAGES = 50  # an epoch ends in the middle of a batch


class Coded:
  """Images whose pixels have the numbers of their image, row and column."""

  def __init__(self, length=NUM_IMAGES, height=12, width=16, first=0):
    rows, columns = np.mgrid[:height, :width]
    self._images = [
      np.stack([np.full_like(rows, number), rows, columns], -1).astype(np.uint8)
      for number in range(first, first + length)
    ]

  def __len__(self):
    return len(self._images)

  def __getitem__(self, index):
    return self._images[index]


class PipelineTestCase(parameterized.TestCase):
  def batches(self, parts=None, weights=(1.0,), **options):
    """An iterator that is closed after the test."""
    settings = {
      "crop_size": 8,
      "crop": "random",
      "augment": True,
      "batch_size": BATCH_SIZE,
      "seed": 0,
    }
    iterator = pipeline.create(
      parts or [Coded()], list(weights), **settings | options
    )
    self.addCleanup(iterator.close)
    return iterator

  def take(self, count: int, iterator) -> np.ndarray:
    """The next batches, [count, b, ...]."""
    return np.stack(list(itertools.islice(iterator, count)))

  def rows(self, batches: np.ndarray) -> collections.Counter:
    """The crops of a batch, in any order."""
    return collections.Counter(crop.tobytes() for crop in batches)


class ContentTest(PipelineTestCase):
  def test_shape_and_type(self):
    batch = next(self.batches())
    self.assertEqual(batch.shape, (BATCH_SIZE, 8, 8, 3))
    self.assertEqual(batch.dtype, np.uint8)

  def test_an_epoch_has_each_image_once(self):
    batches = self.take(5, self.batches(batch_size=NUM_IMAGES))
    epochs = batches[:, :, 0, 0, 0].tolist()
    for epoch in epochs:
      self.assertCountEqual(epoch, range(NUM_IMAGES))
    self.assertLen({tuple(epoch) for epoch in epochs}, 5)

  def test_center_crop(self):
    batches = self.batches(crop="center", augment=False, crop_size=7)
    for crop in next(batches):
      np.testing.assert_array_equal(crop[:, 0, 1], np.arange(7) + 2)
      np.testing.assert_array_equal(crop[0, :, 2], np.arange(7) + 4)

  def test_random_crops_are_everywhere_alike(self):
    batches = self.batches([Coded(200)], augment=False, batch_size=675)
    crops = next(batches)
    tops, lefts = crops[:, 0, 0, 1], crops[:, 0, 0, 2]
    for axis, starts in ((1, tops), (2, lefts)):
      expected = starts[:, None] + np.arange(8)
      along = crops[:, :, 0] if axis == 1 else crops[:, 0, :]
      np.testing.assert_array_equal(along[..., axis], expected)
    counts = np.zeros((5, 9), int)
    np.add.at(counts, (tops, lefts), 1)
    # 15 expected at each place, with a standard deviation of 3.8.
    self.assertGreater(counts.min(), 1)
    self.assertLess(counts.max(), 35)

  def test_an_image_is_cropped_anew_in_each_epoch(self):
    epochs = self.take(15, self.batches(augment=False, batch_size=NUM_IMAGES))
    crops = epochs.reshape(-1, 8, 8, 3)
    first = crops[crops[:, 0, 0, 0] == 0]
    self.assertLen(first, 15)
    self.assertGreater(len(self.rows(first)), 8)

  @parameterized.parameters("random", "center")
  def test_a_crop_may_be_the_whole_image(self, crop):
    parts = [Coded(height=8, width=8)]
    batch = next(self.batches(parts, crop=crop, augment=False))
    for row in batch:
      np.testing.assert_array_equal(row[..., 1:], Coded(1, 8, 8)[0][..., 1:])

  def test_eight_orientations_alike(self):
    parts = [Coded(200, 8, 8)]
    crops = next(self.batches(parts, batch_size=800))[..., 1:]
    whole = parts[0][0][..., 1:]
    rotated = [np.rot90(whole, k) for k in range(4)]
    ways = np.stack(rotated + [x.transpose(1, 0, 2) for x in rotated])
    counts = self.rows(crops)
    self.assertEqual(set(counts), set(self.rows(ways)))
    # 100 expected of each, with a standard deviation of 9.4.
    self.assertGreater(min(counts.values()), 60)
    self.assertLess(max(counts.values()), 140)

  def test_not_augmented(self):
    batch = next(self.batches([Coded(height=8, width=8)], augment=False))
    expected = [Coded(height=8, width=8)[i] for i in batch[:, 0, 0, 0]]
    np.testing.assert_array_equal(batch, np.stack(expected))

  def test_weights(self):
    parts = [Coded(40), Coded(70, first=100), Coded(50, first=200)]
    batches = self.batches(parts, (0.5, 0.3, 0.2), batch_size=100)
    drawn = self.take(4, batches)[:, :, 0, 0, 0] // 100
    for batch in drawn:
      shares = [np.mean(batch == i) for i in range(3)]
      np.testing.assert_allclose(shares, [0.5, 0.3, 0.2], atol=0.05)
    # Mixed, not one source after the other.
    self.assertGreater(np.mean(drawn[:, 1:] != drawn[:, :-1]), 0.3)

  def test_the_order_of_earlier_versions(self):
    # Or their runs would not go on with the crops that come next.
    expected = [[29, 1, 8], [30, 2, 3], [31, 3, 3], [7, 2, 7]]
    drawn = next(self.batches(augment=False, seed=3, batch_size=4))[:, 0, 0]
    self.assertEqual(drawn.tolist(), expected)

  def test_several_crops_of_the_center(self):
    with self.assertRaisesRegex(
      errors.InputError, "config.data.crops_per_image is 2, .*the same"
    ):
      self.batches(crop="center", crops_per_image=2)

  def test_unknown_crop(self):
    with self.assertRaisesRegex(
      errors.InputError, 'config.data.crop is "centre": .*"random" or "center"'
    ):
      self.batches(crop="centre")


class SameBatchesTest(PipelineTestCase):
  """The same batches for any number of processes, workers and restarts."""

  @classmethod
  def setUpClass(cls):
    super().setUpClass()
    iterator = pipeline.create(
      [Coded(), Coded(30, first=100)],
      [0.7, 0.3],
      crop_size=8,
      crop="random",
      augment=True,
      batch_size=BATCH_SIZE,
      seed=0,
    )
    cls.states = [iterator.get_state()]
    cls.expected = []
    for batch in itertools.islice(iterator, 8):
      cls.expected.append(batch)
      cls.states.append(iterator.get_state())
    iterator.close()

  def same(self, **options):
    parts = [Coded(), Coded(30, first=100)]
    return self.batches(parts, (0.7, 0.3), **options)

  def assert_goes_on(self, iterator, first: int, count: int):
    for i in range(first, first + count):
      np.testing.assert_array_equal(next(iterator), self.expected[i])

  def test_the_same_seed(self):
    self.assert_goes_on(self.same(), 0, 8)

  def test_another_seed(self):
    batch = next(self.same(seed=1))
    self.assertNotEqual(self.rows(batch), self.rows(self.expected[0]))

  @parameterized.parameters(2, 4)
  def test_processes_share_a_batch(self, count):
    shards = [
      self.take(8, self.same(process_index=i, process_count=count))
      for i in range(count)
    ]
    for i, expected in enumerate(self.expected):
      parts = [shard[i] for shard in shards]
      self.assertEqual({len(part) for part in parts}, {BATCH_SIZE // count})
      self.assertEqual(self.rows(np.concatenate(parts)), self.rows(expected))

  def test_state_is_small_and_travels_as_json(self):
    for state in self.states:
      text = json.dumps(state)
      self.assertEqual(json.loads(text), state)
      self.assertLess(len(text), 100)

  @parameterized.parameters(0, 1, 4, 5)
  def test_restored(self, step):
    # The first epochs of the two sources end within the batches 4 and 6.
    iterator = self.same()
    iterator.set_state(json.loads(json.dumps(self.states[step])))
    self.assert_goes_on(iterator, step, 3)
    self.assertEqual(iterator.get_state(), self.states[step + 3])

  def test_rotated_back_after_reading_ahead(self):
    iterator = self.same()
    self.take(6, iterator)
    iterator.set_state(self.states[2])
    self.assert_goes_on(iterator, 2, 4)

  def test_state_of_any_process_fits_any_number(self):
    iterator = self.same(process_index=3, process_count=4)
    self.take(3, iterator)
    self.assertEqual(iterator.get_state(), self.states[3])
    halves = [self.same(process_index=i, process_count=2) for i in range(2)]
    for half in halves:
      half.set_state(iterator.get_state())
    for i in (3, 4):
      parts = np.concatenate([next(half) for half in halves])
      self.assertEqual(self.rows(parts), self.rows(self.expected[i]))

  @parameterized.parameters(2, 10, 48)
  def test_another_batch_size_goes_on_at_the_next_crop(self, batch_size):
    iterator = self.same(batch_size=batch_size)
    iterator.set_state(self.states[2])
    ours = self.take(96 // batch_size, iterator)
    actual = np.concatenate(list(ours))[: 3 * BATCH_SIZE]
    # In their order: none is skipped, and none comes twice.
    expected = np.concatenate(list(self.expected[2:5]))
    np.testing.assert_array_equal(actual, expected)

  def test_workers_give_the_same_and_their_state_fits_none(self):
    iterator = self.same(num_workers=2)
    self.assert_goes_on(iterator, 0, 3)
    self.assertEqual(iterator.get_state(), self.states[3])

  def test_workers_restored_from_none_in_one_of_two_processes(self):
    iterator = self.same(process_index=1, process_count=2, num_workers=2)
    iterator.set_state(self.states[2])
    peer = self.same(process_index=0, process_count=2)
    peer.set_state(self.states[2])
    for i in (2, 3, 4):
      both = np.concatenate([next(peer), next(iterator)])
      self.assertEqual(self.rows(both), self.rows(self.expected[i]))

  def test_a_worker_that_dies_is_replaced(self):
    iterator = self.same(num_workers=2)
    counterpart = self.same()
    next(iterator), next(counterpart)
    worker, *_ = multiprocessing.active_children()
    worker.kill()
    with self.assertLogs("absl", "WARNING") as log:
      # What it had sent is still used, and then its death is noticed.
      for _ in range(100):
        np.testing.assert_array_equal(next(iterator), next(counterpart))
    self.assertIn("has died", log.output[0])

  def test_workers_that_die_again_and_again(self):
    iterator = self.same(num_workers=2)
    dead = RuntimeError("Worker process was terminated unexpectedly with exit")
    with (
      mock.patch.object(image_blocks.Batches, "crops", side_effect=dead),
      self.assertRaisesRegex(errors.InputError, "died 3 times.*num_workers"),
    ):
      next(iterator)


class Broken(Coded):
  def __getitem__(self, index):
    raise errors.InputError("none can be decoded")


class FailureTest(PipelineTestCase):
  @parameterized.parameters(0, 1)
  def test_error_of_a_source_arrives(self, num_workers):
    batches = self.batches([Broken()], num_workers=num_workers)
    with self.assertRaisesRegex(errors.InputError, "none can be decoded"):
      next(batches)


if __name__ == "__main__":
  absltest.main()
