"""What networks declare of their fields, and what is taken for it."""

import dataclasses
from typing import Annotated, Literal

from absl.testing import absltest, parameterized

from srfeat_jax import models
from srfeat_jax.models import fields

NETWORKS = models.GENERATORS | models.DISCRIMINATORS


class ExpectedTest(parameterized.TestCase):
  @parameterized.parameters(
    (1, fields.Count),
    (64, fields.Count),
    (1.0, fields.Fraction),
    (1e-5, fields.Fraction),
    (True, bool),
    (2, Literal[2, 4]),
    ("a", Literal["a", "b"]),
  )
  def test_takes(self, value, declared):
    self.assertEqual(fields.expected(value, declared), "")

  @parameterized.parameters(
    (0, fields.Count, "a whole number above 0"),
    (1.0, fields.Count, "a whole number above 0"),
    (True, fields.Count, "a whole number above 0"),
    (0.0, fields.Fraction, "a number above 0 and up to 1"),
    (1.1, fields.Fraction, "a number above 0 and up to 1"),
    (float("nan"), fields.Fraction, "a number above 0 and up to 1"),
    (1, fields.Fraction, "a number above 0 and up to 1"),
    (1, bool, "True or False"),
    (3, Literal[2, 4], "one of 2, 4"),
    (2.0, Literal[2, 4], "one of 2, 4"),
    (True, Literal[1, 2], "one of 1, 2"),
    ([], Literal["a", "b"], "one of a, b"),
    (None, Literal["a", "b"], "one of a, b"),
  )
  def test_refuses(self, value, declared, expected):
    self.assertEqual(fields.expected(value, declared), expected)

  @parameterized.parameters(int, str, tuple[int, ...], Annotated[int, "many"])
  def test_a_type_that_does_not_say_what_is_legal(self, declared):
    with self.assertRaisesRegex(TypeError, "does not say what is legal"):
      fields.expected(1, declared)


class NetworksTest(parameterized.TestCase):
  @parameterized.parameters(*NETWORKS)
  def test_declares_every_field_and_its_default_is_legal(self, architecture):
    module = NETWORKS[architecture]
    defaults = {x.name: x.default for x in dataclasses.fields(module)}
    declared = models.fields_of(module)
    self.assertIn("dtype", declared)
    for name, each in declared.items():
      with self.subTest(name):
        self.assertEqual(fields.expected(defaults[name], each), "")
        self.assertNotEqual(fields.expected(object(), each), "")


if __name__ == "__main__":
  absltest.main()
