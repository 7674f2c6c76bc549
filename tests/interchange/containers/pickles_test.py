"""Pickles that are read without being run."""

import io
import pickle

from absl.testing import absltest

from srfeat_jax.interchange.containers import pickles


class UnpicklerTest(absltest.TestCase):
  def test_leaves_the_file_right_behind_a_pickle(self):
    file = io.BytesIO(pickle.dumps([1], 2) + pickle.dumps("b", 2) + b"rest")
    self.assertEqual(pickles.Unpickler(file, {}).load(), [1])
    self.assertEqual(pickles.Unpickler(file, {}).load(), "b")
    self.assertEqual(file.read(), b"rest")


if __name__ == "__main__":
  absltest.main()
