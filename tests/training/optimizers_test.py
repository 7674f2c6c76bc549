"""Learning rates and Adam, against the papers and torch."""

import jax
import ml_collections
import numpy as np
import optax
import torch
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.configs import common, pretrain
from srfeat_jax.training import optimizers

EPOCH = 12_958  # iterations: 116,620 images in batches of 9


def schedule_of(config) -> optax.Schedule:
  return optimizers.learning_rate(config.learning_rate, config.num_steps)


class LearningRateTest(parameterized.TestCase):
  def test_srfeat_epochs(self):
    config = pretrain.get_config("srfeat")
    self.assertEqual(config.num_steps, 20 * EPOCH)
    rate = schedule_of(config)
    for first, end, expected in (
      (0, 10, 1e-4), (10, 15, 1e-5), (15, 20, 1e-6),
    ):  # fmt: skip
      for step in (first * EPOCH, first * EPOCH + 1, end * EPOCH - 1):
        np.testing.assert_allclose(rate(step), expected, rtol=1e-6)

  def test_srfeat_nobn_anneals(self):
    config = pretrain.get_config("srfeat_nobn")
    rate = schedule_of(config)
    end = 15 * EPOCH
    self.assertAlmostEqual(rate(0), 1e-4, delta=1e-10)
    for step in (end, end + 1, 20 * EPOCH - 1):
      np.testing.assert_allclose(rate(step), 1e-6, rtol=1e-5)
    for step in (EPOCH, end // 2, end - 9):
      # SGDR, equation 5.
      share = 1 + np.cos(np.pi * step / end)
      expected = 1e-6 + 0.5 * (1e-4 - 1e-6) * share
      np.testing.assert_allclose(rate(step), expected, rtol=1e-4)

  def test_srfeat_official_decays_at_epoch_17(self):
    config = pretrain.get_config("srfeat_official")
    epoch = 11_555  # of 104,000 patches in batches of 9
    self.assertEqual(config.num_steps, 21 * epoch)
    rate = schedule_of(config)
    for step, expected in (
      (0, 1e-4), (17 * epoch - 1, 1e-4), (17 * epoch, 1e-5),
      (21 * epoch - 1, 1e-5),
    ):  # fmt: skip
      np.testing.assert_allclose(rate(step), expected, rtol=1e-6)

  @parameterized.parameters("msrresnet", "esrgan")
  def test_basicsr_restarts_four_times(self, variant):
    config = pretrain.get_config(variant)
    rate = schedule_of(config)
    parameter = torch.nn.Parameter(torch.zeros(1))
    theirs = torch.optim.lr_scheduler.CosineAnnealingWarmRestarts(
      torch.optim.Adam([parameter], lr=2e-4), T_0=250_000, eta_min=1e-7
    )
    for step in (0, 9_999, 125_000, 249_999, 250_000, 600_000, 999_999):
      theirs.step(step)
      np.testing.assert_allclose(
        rate(step), theirs.get_last_lr()[0], rtol=1e-4, err_msg=str(step)
      )

  def test_more_cycles_than_steps(self):
    config = common.cosine(1e-4, final=0.0, until=1.0, cycles=4)
    rate = optimizers.learning_rate(config, 2)
    np.testing.assert_allclose([rate(0), rate(1)], 1e-4, rtol=1e-6)

  def test_another_schedule_by_one_field(self):
    config = pretrain.get_config("srfeat_lite")  # has a cosine
    config.learning_rate.schedule = "piecewise"
    for step in (0, 9_999):
      np.testing.assert_allclose(schedule_of(config)(step), 4e-4)
    config = pretrain.get_config("srfeat")  # has boundaries
    config.learning_rate.schedule = "cosine"
    half = config.num_steps // 2
    np.testing.assert_allclose(schedule_of(config)(half), 1e-4 / 2, rtol=1e-4)

  def test_constant(self):
    rate = schedule_of(pretrain.get_config("srresnet"))
    for step in (0, 999_999):
      np.testing.assert_allclose(rate(step), 1e-4)

  def test_shorter_run_has_the_same_shape(self):
    config = pretrain.get_config("srfeat")
    config.num_steps = 40
    rates = [float(schedule_of(config)(step)) for step in (19, 20, 29, 30)]
    np.testing.assert_allclose(rates, [1e-4, 1e-5, 1e-5, 1e-6], rtol=1e-6)

  def test_boundaries_on_one_step_both_count(self):
    config = pretrain.get_config("srfeat")
    config.num_steps = 3
    rates = [float(schedule_of(config)(step)) for step in (1, 2)]
    np.testing.assert_allclose(rates, [1e-4, 1e-6], rtol=1e-6)

  @parameterized.parameters(
    ({"schedule": "linear"}, '"piecewise" or "cosine"'),
    ({"peak": 0.0}, "peak is 0.0: .*above 0"),
    ({"peak": -1e-4}, "peak is -0.0001: .*above 0"),
    ({"peak": float("nan")}, "peak is nan"),
    ({"factors": (0.1,)}, r"factors is \(0.1,\): .*\(0.5, 0.75\)"),
    ({"factors": (0.1, -0.1)}, "factors is .*above 0"),
  )
  def test_piecewise_field_does_not_fit(self, change, sentence):
    config = common.piecewise(1e-4, (0.5, 0.75), (0.1, 0.1))
    config.update(change)
    with self.assertRaisesRegex(errors.InputError, sentence):
      optimizers.learning_rate(config, 100)

  def test_warm_up(self):
    config = common.cosine(4e-5, final=1e-6, until=0.9, warmup=0.1)
    rate = optimizers.learning_rate(config, 200)
    # The first step counts; the peak is that of the twentieth.
    rises = [float(rate(step)) for step in range(20)]
    np.testing.assert_allclose(rises, 4e-5 * np.arange(1, 21) / 20, rtol=1e-5)
    cosine = optimizers.learning_rate(
      common.cosine(4e-5, final=1e-6, until=1.0), 160
    )
    for step in (0, 1, 77, 159, 160, 179):
      np.testing.assert_allclose(rate(20 + step), cosine(step), rtol=1e-5)

  @parameterized.parameters((0.0, 200), (0.1, 1), (0.1, 4))
  def test_no_room_to_warm_up(self, warmup, num_steps):
    ours, cosine = (
      optimizers.learning_rate(config, num_steps)
      for config in (
        common.cosine(4e-5, final=1e-6, until=1.0, warmup=warmup),
        common.cosine(4e-5, final=1e-6, until=1.0),
      )
    )
    for step in range(num_steps):
      np.testing.assert_allclose(ours(step), cosine(step), rtol=1e-6)

  def test_warm_up_of_piecewise(self):
    config = common.piecewise(1e-4, (0.5, 0.75), (0.1, 0.1))
    plain = optimizers.learning_rate(config, 40)
    config.warmup = 0.1
    rate = optimizers.learning_rate(config, 40)
    rises = [float(rate(step)) for step in range(4)]
    np.testing.assert_allclose(rises, 1e-4 * np.arange(1, 5) / 4, rtol=1e-5)
    for step in range(4, 40):
      np.testing.assert_allclose(rate(step), plain(step), rtol=1e-6)

  def test_warm_up_over_a_boundary(self):
    config = common.piecewise(1e-4, (0.5,), (0.1,))
    config.warmup = 0.6
    with self.assertRaisesRegex(errors.InputError, "warmup is 0.6: .*before"):
      optimizers.learning_rate(config, 100)

  def test_warm_up_until_after_the_end(self):
    config = common.cosine(4e-5, final=1e-6, until=0.5, warmup=0.5)
    with self.assertRaisesRegex(
      errors.InputError, "warmup is 0.5: expected a fraction of the run below"
    ):
      optimizers.learning_rate(config, 100)

  @parameterized.parameters(2e-4, -1e-6)
  def test_cosine_final_does_not_fit(self, final):
    config = common.cosine(1e-4, final=final, until=1.0)
    with self.assertRaisesRegex(errors.InputError, f"final is {final}: .*peak"):
      optimizers.learning_rate(config, 100)


class AdamTest(parameterized.TestCase):
  @parameterized.product(
    clip_norm=(0.0, 1.0), eps=(1e-8, 1e-3), weight_decay=(0.0, 0.3)
  )
  def test_equals_torch(self, clip_norm, eps, weight_decay):
    rng = np.random.default_rng(0)
    params = {"a": rng.normal(size=(3, 4)), "b": rng.normal(size=5)}
    params = jax.tree.map(lambda x: x.astype(np.float32), params)
    # Norms on both sides of the limit.
    gradients = [
      jax.tree.map(
        lambda x, s=size: s * rng.normal(size=x.shape).astype("f"), params
      )
      for size in (0.01, 3.0, 0.1, 1.0, 0.3, 10.0)
    ]
    config = ml_collections.ConfigDict(
      {"b1": 0.9, "b2": 0.99, "eps": eps, "clip_norm": clip_norm}
    )
    config.kind = "adamw" if weight_decay else "adam"
    config.weight_decay = weight_decay
    rate = optimizers.learning_rate(common.piecewise(0.1, (0.5,), (0.1,)), 6)

    theirs = {name: torch.tensor(x) for name, x in params.items()}
    of_torch = torch.optim.AdamW if weight_decay else torch.optim.Adam
    adam = of_torch(
      theirs.values(), betas=(0.9, 0.99), eps=eps, weight_decay=weight_decay
    )
    optimizer = optimizers.adam(config, rate)
    memory = optimizer.init(params)
    for step, gradient in enumerate(gradients):
      updates, memory = optimizer.update(gradient, memory, params)
      params = optax.apply_updates(params, updates)
      for name, x in theirs.items():
        x.grad = torch.tensor(gradient[name])
      if clip_norm:
        torch.nn.utils.clip_grad_norm_(theirs.values(), clip_norm)
      for group in adam.param_groups:
        group["lr"] = 0.1 if step < 3 else 0.01
      adam.step()
      for name, x in theirs.items():
        np.testing.assert_allclose(params[name], x, rtol=2e-5, atol=1e-6)

  def test_negative_clip(self):
    config = common.get_config().optimizer
    config.clip_norm = -1.0
    with self.assertRaisesRegex(errors.InputError, "clip_norm is -1.0"):
      optimizers.adam(config, lambda step: 1e-4)

  @parameterized.parameters(
    ({"kind": "sgd"}, "kind is 'sgd': expected one of adam, adamw, sched"),
    ({"weight_decay": 0.1}, "weight_decay is 0.1: expected 0 for adam; "),
    ({"kind": "schedule_free_adam", "b1": 0.0}, "b1 is 0.0: .*above 0 for sch"),
  )
  def test_fields_that_do_not_fit(self, changes, sentence):
    config = common.get_config().optimizer
    config.update(changes)
    with self.assertRaisesRegex(errors.InputError, sentence):
      optimizers.adam(config, lambda step: 1e-4)


class BuildTest(parameterized.TestCase):
  @parameterized.product(
    change=(
      {"optimizer.kind": "sgd"},
      {"optimizer.weight_decay": 0.1},
      {"optimizer.clip_norm": -1.0},
      {"learning_rate.schedule": "linear"},
      {"learning_rate.factors": (0.1,)},
      {"learning_rate.schedule": "cosine", "learning_rate.final": 1.0},
    ),
    prefix=("", "discriminator_"),
  )
  def test_the_field_that_does_not_fit_is_named(self, change, prefix):
    config = common.get_config()
    change = {f"{prefix}{field}": value for field, value in change.items()}
    config.update_from_flattened_dict(change)
    *_, field = change
    with self.assertRaisesRegex(errors.InputError, f"^config.{field} is "):
      optimizers.build(config)


if __name__ == "__main__":
  absltest.main()
