"""SRGAN's discriminator, of images or features; see `models` for its use."""

from typing import Literal

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax.models import discriminator_layers, fields, layers

Logits = Literal["image", "patch", "position"]
DenseInitializer = Literal["he_truncated", "truncated_tenth"]


class SRGANDiscriminator(nn.Module):
  """The discriminator of SRGAN (Ledig et al., CVPR 2017, figure 4).

  Eight 3x3 convolutions with biases, each second one of stride 2, the numbers
  of channels doubling from pair to pair, all but the first normalized; a dense
  layer; the logit. What the paper leaves open is as in SRFeat's code, where
  this network takes images of 296 px and, with other weights, VGG features.

  With a logit per patch, one 3x3 convolution of the last feature map stands for
  the dense layers, as in PatchGAN (Isola et al., CVPR 2017): each logit is of
  the surroundings of its position, so local artifacts are not averaged away.
  For VGG-19's features, which are small already, no convolution need have a
  stride: then there is a logit for each position.

  Attributes:
    logits: "image", one logit per image; "patch", one for each 16x16 pixels of
      the input; "position", one for each of its pixels, without strides, which
      is for features: of images it takes much time and memory.
    input_size: height and width of the input: 96 in SRGAN; 296 in SRFeat, and
      for its features 19, what four rounding-up poolings leave of that.
      Without effect unless logits are per image: others take any size.
    symmetric_input: whether the input, in [0, 1], is first mapped to [-1, 1]:
      so for images; features are taken as they are.
    features: channels of the first convolution, an eighth of the last's.
    hidden: outputs of the first dense layer, of logits per image.
    spectral_norm: whether spectral normalization (Miyato et al., ICLR 2018)
      stands in place of batch normalization; the first convolution and what
      makes the logits have none, as in `UNetDiscriminator`.
    dtype: compute dtype: "float32" or "bfloat16". Parameters, the statistics
      of the normalizations and the last layer are float32 either way.
    dense_initializer: of the dense layers' kernels: "he_truncated", whose
      deviation is sqrt(2 / fan_in) as that of the convolutions, or
      "truncated_tenth", 0.1 whatever the fan_in, TensorLayer's and so that of
      SRFeat's code. Without effect for patches.
  """

  input_size: fields.Count = 296
  symmetric_input: bool = True
  features: fields.Count = 64
  hidden: fields.Count = 1024
  dtype: fields.Dtype = "float32"
  logits: Logits = "image"
  spectral_norm: bool = False
  dense_initializer: DenseInitializer = "he_truncated"

  def mismatch(self, size: int) -> str:
    """Returns why it cannot take [b, size, size, c], "" if it can."""
    return (
      discriminator_layers.mismatch(self.input_size, size)
      if self.logits == "image"
      else ""
    )

  @nn.compact
  def __call__(self, x: jax.Array) -> jax.Array:
    """Maps [b, h, w, c] to logits.

    [b] per image, where h and w are `input_size`; [b, ceil(h / 16),
    ceil(w / 16)] per patch; [b, h, w] per position.
    """
    if self.logits == "image":
      discriminator_layers.check_shape(x, self.input_size)
    x = discriminator_layers.feature_map(
      2 * x - 1 if self.symmetric_input else x,
      widths=[factor * self.features for factor in (1, 2, 4, 8)],
      halving_kernel=3,
      normalized_bias=True,
      initializer="he_truncated",
      dtype=self.dtype,
      halves=self.logits != "position",
      spectral_norm=self.spectral_norm,
    )
    if self.logits != "image":
      logits = layers.Conv(1, initializer="he_truncated", name="logit")(x)
      return logits[..., 0].astype(jnp.float32)
    return discriminator_layers.image_logits(
      x, self.hidden, self.dense_initializer, self.dtype
    )
