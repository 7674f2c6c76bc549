"""What processes do when they see the same, and when they do not.

Several processes for real: programs/multiprocess_test.
"""

import copy
from unittest import mock

import jax
import numpy as np
from absl.testing import absltest

from srfeat_jax import errors
from srfeat_jax.training import agreement


def fail():
  raise errors.InputError("photos holds no image")


class AgreementTest(absltest.TestCase):
  def gathered(self, *texts: str):
    """As if other processes had said something else."""
    self.enterContext(
      mock.patch.object(jax, "process_count", return_value=1 + len(texts))
    )
    self.enterContext(
      mock.patch.object(
        agreement, "_gather", side_effect=lambda text: [text, *texts]
      )
    )

  def test_one_process(self):
    self.assertEqual(agreement.same(lambda: 3, str), 3)
    with self.assertRaisesRegex(errors.InputError, "^photos holds no image$"):
      agreement.same(fail, str)

  def test_several_that_agree(self):
    self.gathered("+3", "+3")
    self.assertEqual(agreement.same(lambda: 3, str), 3)

  def test_several_that_differ(self):
    self.gathered("+3", "+4")
    with self.assertRaisesRegex(
      errors.InputError, "process 2 sees other .* than process 0: 4; 3; all"
    ):
      agreement.same(lambda: 3, str)

  def test_one_of_several_fails(self):
    self.gathered("-photos is missing")
    with self.assertRaisesRegex(errors.InputError, "missing .process 1."):
      agreement.same(lambda: 3, str)

  def test_all_fail_with_one(self):
    self.gathered("+3")
    with self.assertRaisesRegex(errors.InputError, "no image .process 0."):
      agreement.same(fail, str)

  def test_what_differs_is_named(self):
    self.gathered("+4")
    with self.assertRaisesRegex(
      errors.InputError, "process 1 sees other weights of VGG-19 than process"
    ):
      agreement.same(lambda: 3, str, "weights of VGG-19")

  def test_fingerprints(self):
    trees = [
      {"a": np.ones(3)},
      {"b": np.ones(3)},
      {"a": np.ones(3, np.float32)},
      {"a": np.ones((3, 1))},
      {"a": np.array([1.0, 1.0, 1 + 1e-15])},
      {"a": "x", "b": (1, True)},
      {"a": "x", "b": (2, True)},
      {},
    ]
    found = [agreement.fingerprint(tree) for tree in trees]
    self.assertLen(set(found), len(trees))
    again = [agreement.fingerprint(copy.deepcopy(tree)) for tree in trees]
    self.assertEqual(again, found)

  def test_gathered_as_said(self):
    for text in ("", "+ä", "x" * 4096):
      self.assertEqual(agreement._gather(text), [text])


if __name__ == "__main__":
  absltest.main()
