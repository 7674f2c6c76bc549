"""The dense block against one written with PyTorch's convolutions."""

import jax
import numpy as np
import torch
from absl.testing import absltest, parameterized

from srfeat_jax.models import dense_block
from tests.support import parity

_CHANNELS, _GROWTH = 6, 4


def _theirs(x: torch.Tensor, layers: list, scale: float) -> torch.Tensor:
  maps = x
  for i, (kernel, bias) in enumerate(layers):
    y = torch.nn.functional.conv2d(maps, kernel, bias, padding=1)
    if i < len(layers) - 1:
      y = torch.nn.functional.leaky_relu(y, 0.2)
      maps = torch.cat([maps, y], dim=1)
  return x + scale * y


class DenseBlockTest(parameterized.TestCase):
  def setUp(self):
    super().setUp()
    self.block = dense_block.DenseBlock(_GROWTH, 0.7)
    self.x = parity.images(2, 9, 7, _CHANNELS) - 0.5
    rng = np.random.default_rng(0)
    variables = self.block.init(jax.random.key(0), self.x)
    self.variables = jax.tree.map(
      lambda leaf: rng.normal(0, 0.2, leaf.shape).astype(np.float32), variables
    )
    self.layers = [
      tuple(
        torch.from_numpy(layer[name]).double().requires_grad_()
        for name in ("kernel", "bias")
      )
      for _, layer in sorted(self.variables["params"].items())
    ]

  def test_values_and_gradients(self):
    their_x = parity.channels_first(self.x).requires_grad_()
    theirs = _theirs(
      their_x, [(k.permute(3, 2, 0, 1), b) for k, b in self.layers], 0.7
    )
    direction = parity.images(2, 9, 7, _CHANNELS, seed=1) - 0.5
    (theirs * parity.channels_first(direction)).sum().backward()

    def project(variables, x):
      y = self.block.apply(variables, x)
      return (y * direction).sum(), y

    (gradients, of_x), y = jax.jit(
      jax.grad(project, argnums=(0, 1), has_aux=True)
    )(self.variables, self.x)
    np.testing.assert_allclose(
      y, parity.channels_last(theirs), rtol=0, atol=1e-5
    )
    np.testing.assert_allclose(
      of_x, parity.channels_last(their_x.grad), rtol=0, atol=1e-4
    )
    for i, (kernel, bias) in enumerate(self.layers):
      ours = gradients["params"][f"conv_{i}"]
      for name, theirs in (("kernel", kernel.grad), ("bias", bias.grad)):
        np.testing.assert_allclose(ours[name], theirs, rtol=1e-4, atol=1e-4)

  def test_bfloat16_is_close(self):
    rounded = dense_block.DenseBlock(_GROWTH, 0.7, dtype="bfloat16")
    exact = self.block.apply(self.variables, self.x)
    close = rounded.apply(self.variables, self.x.astype("bfloat16"))
    self.assertEqual(close.dtype, "bfloat16")
    np.testing.assert_allclose(
      np.float32(close), exact, rtol=0, atol=0.02 * np.abs(exact).max()
    )


if __name__ == "__main__":
  absltest.main()
