"""Files of records: random access, damage, and a disk without room."""

import concurrent.futures
import pickle

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.data import shards
from tests.support import disk, image_files


def content(count: int, size: int = 1000) -> list[bytes]:
  rng = np.random.default_rng(count)
  return [rng.bytes(size + i) for i in range(count)]


class ShardsTest(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.paths = [self.folder / "a", self.folder / "b", self.folder / "c"]
    self.contents = [content(5), content(1), content(7)]
    for path, records in zip(self.paths, self.contents, strict=True):
      self.assertEqual(shards.write(path, iter(records)), len(records))
    self.counts = [5, 1, 7]
    self.expected = [each for records in self.contents for each in records]

  def test_any_order(self):
    read = shards.Shards(self.paths, self.counts)
    self.assertLen(read, 13)
    for i in np.random.default_rng(0).permutation(13):
      self.assertEqual(read[i], self.expected[i])
    self.assertEqual(read.path_of(5), str(self.paths[1]))

  def test_copies_and_threads(self):
    read = pickle.loads(pickle.dumps(shards.Shards(self.paths, self.counts)))
    with concurrent.futures.ThreadPoolExecutor(8) as pool:
      received = list(pool.map(read.__getitem__, list(range(13)) * 20))
    self.assertEqual(received, self.expected * 20)

  def test_the_same_bytes_each_time(self):
    again = self.folder / "again"
    shards.write(again, self.contents[2])
    self.assertEqual(again.read_bytes(), self.paths[2].read_bytes())

  def test_missing(self):
    self.paths[1].unlink()
    read = shards.Shards(self.paths, self.counts)
    self.assertEqual(read[4], self.expected[4])
    with self.assertRaisesRegex(errors.InputError, "b is damaged or missing"):
      read[5]

  @parameterized.parameters(0.1, 0.5, 0.9)
  def test_a_changed_byte_is_noticed(self, place):
    data = bytearray(self.paths[2].read_bytes())
    data[int(place * 7000)] ^= 1
    self.paths[2].write_bytes(data)
    read = shards.Shards(self.paths, self.counts)
    with self.assertRaisesRegex(errors.InputError, "c is damaged") as caught:
      for i in range(6, 13):
        self.assertEqual(read[i], self.expected[i])
    self.assertNotIn("\n", str(caught.exception))

  @parameterized.parameters(b"", b"no such file" * 1000)
  def test_not_of_the_format(self, data):
    self.paths[0].write_bytes(data)
    with self.assertRaisesRegex(errors.InputError, "a is damaged"):
      shards.Shards(self.paths, self.counts)[0]

  def test_other_number_of_records(self):
    with self.assertRaisesRegex(errors.InputError, "5 records, expected 4"):
      shards.Shards(self.paths, [4, 1, 7])[0]

  def test_full_disk(self):
    with (
      disk.full(20_000),
      self.assertRaisesRegex(errors.InputError, "d cannot be written"),
    ):
      shards.write(self.folder / "d", content(100))

  def test_no_such_folder(self):
    with self.assertRaisesRegex(errors.InputError, "cannot be written"):
      shards.write(self.folder / "nowhere" / "d", content(1))


if __name__ == "__main__":
  absltest.main()
