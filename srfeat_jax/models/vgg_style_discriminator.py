"""ESRGAN's discriminator of images; see `models` for its use."""

import jax
from flax import linen as nn

from srfeat_jax.models import discriminator_layers, fields


class VGGStyleDiscriminator(nn.Module):
  """The discriminator of ESRGAN, as in BasicSR.

  Five pairs of a 3x3 convolution and a 4x4 one of stride 2, all but the first
  normalized and without bias; a dense layer; the logit. Images are in [0, 1];
  weights start as PyTorch's do.

  Attributes:
    input_size: height and width of the input.
    features: channels of the first pair, an eighth of those of the last two.
    hidden: outputs of the first dense layer.
    dtype: compute dtype: "float32" or "bfloat16". Parameters, the statistics
      of the normalizations and the last layer are float32 either way.
  """

  input_size: fields.Count = 128
  features: fields.Count = 64
  hidden: fields.Count = 100
  dtype: fields.Dtype = "float32"

  def mismatch(self, size: int) -> str:
    """Returns why it cannot take [b, size, size, c], "" if it can."""
    return discriminator_layers.mismatch(self.input_size, size)

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [b, input_size, input_size, c] to logits [b]."""
    discriminator_layers.check_shape(x, self.input_size)
    x = discriminator_layers.feature_map(
      x,
      widths=[factor * self.features for factor in (1, 2, 4, 8, 8)],
      halving_kernel=4,
      normalized_bias=False,
      initializer="uniform",
      dtype=self.dtype,
    )
    return discriminator_layers.image_logits(
      x, self.hidden, "uniform", self.dtype
    )
