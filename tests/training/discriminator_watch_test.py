"""A discriminator that wins is told of, once."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import optax
from absl.testing import absltest, parameterized

from srfeat_jax.training import discriminator_watch, losses


def _means(real: float, fake: float, name: str = "image") -> dict:
  return {
    f"probability/{name}_real": real,
    f"probability/{name}_fake": fake,
    "loss/pixel": 1.0,
  }


@functools.cache
def _trained(kind: str, distance: float) -> tuple[dict, float]:
  """A linear discriminator's log, and its share of right decisions.

  Args:
    kind: of its loss, which trains it.
    distance: between real and fake, in deviations of each.
  """
  rng = np.random.default_rng(0)
  real, fake = rng.normal(size=(2, 256, 4)).astype(np.float32)
  real[:, 0] += distance

  def logits(params, x):
    return x @ params["kernel"] + params["bias"]

  def loss(params):
    return losses.adversarial_discriminator(
      logits(params, real), logits(params, fake), kind
    )

  adam = optax.adam(0.05)

  @jax.jit
  def trained():
    params = {"kernel": jnp.zeros(4), "bias": jnp.zeros(())}

    def step(_, carry):
      params, state = carry
      updates, state = adam.update(jax.grad(loss)(params), state)
      return optax.apply_updates(params, updates), state

    return jax.lax.fori_loop(0, 500, step, (params, adam.init(params)))[0]

  of_real, of_fake = (logits(trained(), x) for x in (real, fake))
  middle = (np.mean(of_real) + np.mean(of_fake)) / 2
  right = (np.mean(of_real > middle) + np.mean(of_fake < middle)) / 2
  found = losses.probabilities(of_real, of_fake, kind)
  return _means(*map(float, found)), right


class DiscriminatorWatchTest(parameterized.TestCase):
  def test_after_500_steps(self):
    watch = discriminator_watch.DiscriminatorWatch("vanilla")
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

  @parameterized.parameters(*losses.ADVERSARIAL)
  def test_one_that_wins_by_any_kind_of_loss(self, kind):
    means, right = _trained(kind, distance=9)
    self.assertEqual(right, 1)
    watch = discriminator_watch.DiscriminatorWatch(kind)
    self.assertLen(watch.sentences(500, means), 1, means)

  @parameterized.parameters(*losses.ADVERSARIAL)
  def test_one_that_is_mostly_right_has_not_won(self, kind):
    means, right = _trained(kind, distance=3)
    self.assertBetween(right, 0.9, 0.97)
    watch = discriminator_watch.DiscriminatorWatch(kind)
    self.assertEmpty(watch.sentences(500, means), means)

  def test_each_on_its_own(self):
    watch = discriminator_watch.DiscriminatorWatch("vanilla")
    means = _means(0.99, 0.01, "feature") | _means(0.94, 0.01)
    (sentence,) = watch.sentences(500, means)
    self.assertIn("discriminators.feature", sentence)

  @parameterized.parameters({}, {"loss/pixel": 1.0})
  def test_without_discriminators(self, **means):
    watch = discriminator_watch.DiscriminatorWatch("vanilla")
    self.assertEmpty(watch.sentences(1000, means))


if __name__ == "__main__":
  absltest.main()
