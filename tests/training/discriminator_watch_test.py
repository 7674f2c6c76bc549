"""A discriminator that wins is told of, once."""

from absl.testing import absltest, parameterized

from srfeat_jax.training import discriminator_watch


def _means(real: float, fake: float, name: str = "image") -> dict:
  return {
    f"probability/{name}_real": real,
    f"probability/{name}_fake": fake,
    "loss/pixel": 1.0,
  }


class DiscriminatorWatchTest(parameterized.TestCase):
  def test_after_500_steps(self):
    watch = discriminator_watch.DiscriminatorWatch()
    certain = _means(0.97, 0.02)
    self.assertEmpty(watch.sentences(400, certain))
    # Once undecided, it has to begin anew.
    self.assertEmpty(watch.sentences(10, _means(0.97, 0.06)))
    self.assertEmpty(watch.sentences(490, certain))
    (sentence,) = watch.sentences(10, certain)
    for words in (
      "discriminators.image has won",
      "500 steps",
      "(0.97)",
      "lower",
    ):
      self.assertIn(words, sentence)
    self.assertEmpty(watch.sentences(1000, certain))

  def test_each_on_its_own(self):
    watch = discriminator_watch.DiscriminatorWatch()
    means = _means(0.99, 0.01, "feature") | _means(0.94, 0.01)
    (sentence,) = watch.sentences(500, means)
    self.assertIn("discriminators.feature", sentence)

  @parameterized.parameters({}, {"loss/pixel": 1.0})
  def test_without_discriminators(self, **means):
    watch = discriminator_watch.DiscriminatorWatch()
    self.assertEmpty(watch.sentences(1000, means))


if __name__ == "__main__":
  absltest.main()
