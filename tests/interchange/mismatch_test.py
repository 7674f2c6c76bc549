"""Sentences about arrays that do not fit."""

from absl.testing import absltest

from srfeat_jax.interchange import mismatch


class MismatchTest(absltest.TestCase):
  def test_what_agrees_is_not_told(self):
    self.assertEqual(mismatch.describe({"a": (1,)}, {"a": (1,)}), "")

  def test_each_kind_by_name(self):
    self.assertEqual(
      mismatch.describe(
        {"a": (2,), "b": (1,), "x": ()}, {"a": (3,), "b": (1,), "c": (4, 5)}
      ),
      "1 missing: c; 1 unexpected: x; 1 of another shape: a (2,) instead of"
      " (3,)",
    )

  def test_many_are_counted(self):
    names = [f"n{i}" for i in range(8)]
    self.assertEqual(mismatch.listed(names), "n0, n1, n2, n3, n4 and 3 more")

  def test_names_are_fit_to_be_shown(self):
    self.assertEqual(mismatch.listed(["a\x1b[31m"]), "a?[31m")
    self.assertLess(len(mismatch.listed(["x" * 5000])), 200)


if __name__ == "__main__":
  absltest.main()
