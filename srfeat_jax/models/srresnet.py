"""SRResNet, and its modification without normalization."""

import functools
from typing import Literal

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax.models import fields, layers
from srfeat_jax.ops import pixels, resize

# Mean and deviation per channel that images in [0, 1] are normalized by.
INPUT_RANGES = {
  "unit": ((0.0,) * 3, (1.0,) * 3),
  "symmetric": ((0.5,) * 3, (0.5,) * 3),
  "imagenet": ((0.485, 0.456, 0.406), (0.229, 0.224, 0.225)),
}


class SRResNet(nn.Module):
  """The generator of SRGAN (Ledig et al., CVPR 2017, figure 4).

  A 9x9 convolution; residual blocks with batch normalization; a convolution
  and a skip over all blocks; sub-pixel upsampling; a 9x9 convolution. It takes
  images in [0, 1] as they are, unless `input_range` says otherwise, and returns
  [-1, 1] before the last mapping.

  Attributes:
    features: channels of the trunk.
    num_blocks: residual blocks.
    scale: scale factor, 1, 2, 3, 4 or 8, see `layers.upsample_factors`.
    batch_norm_momentum: share of the old running statistics kept at a step;
      PyTorch's momentum is one minus this.
    batch_norm_epsilon: added to variances.
    prelu_per_channel: whether each PReLU learns a slope per channel, not one.
    block_bias: whether convolutions before a normalization have biases.
    after_trunk: what follows the convolution after the blocks: "batch_norm", or
      "prelu" as in leftthomas/SRGAN, where that convolution has biases.
    tanh: whether tanh ends the network.
    residual_base: image the network adds its output to: "none", "bilinear" or
      "bicubic", see `layers.symmetric_to_image`.
    input_range: what the first convolution, which pads with 0, takes: images
      in "unit" [0, 1], in "symmetric" [-1, 1], or normalized by the means
      and deviations of "imagenet", as some trained networks need.
    blur_after_shuffle: whether the convolutions after a pixel shuffle first
      blur their input, as in `srfeat.SRFeat`.
    upsampler: "shuffle", "direct" or "nearest", as there.
    icnr: how convolutions before a pixel shuffle start, as there.
    dtype: compute dtype: "float32" or "bfloat16". Parameters, batch statistics
      and the output are float32 either way.
  """

  features: fields.Count = 64
  num_blocks: fields.Count = 16
  scale: fields.Scale = 4
  batch_norm_momentum: fields.Fraction = 0.9
  batch_norm_epsilon: fields.Fraction = 1e-5
  prelu_per_channel: bool = False
  block_bias: bool = False
  after_trunk: Literal["batch_norm", "prelu"] = "batch_norm"
  tanh: bool = False
  residual_base: fields.ResidualBase = "none"
  input_range: Literal["unit", "symmetric", "imagenet"] = "unit"
  blur_after_shuffle: bool = False
  upsampler: fields.Upsampler = "shuffle"
  icnr: bool = False
  dtype: fields.Dtype = "float32"

  unshuffle = 1

  @property
  def receptive_radius(self) -> int:
    """LR pixels beyond which nothing influences an output pixel.

    A residual base reaches 2 at most, less than the network itself.
    """
    trunk = 4 + 2 * self.num_blocks + 1
    return trunk + layers.reconstruction_radius(
      4, self.scale, self.blur_after_shuffle, self.upsampler
    )

  @nn.compact
  def __call__(self, lr: jax.Array, train: bool = False) -> jax.Array:
    """Upscales images.

    Args:
      lr: [b, h, w, 3] in [0, 1].
      train: whether to normalize by the batch's statistics, and to update the
        running ones in the collection "batch_stats".

    Returns:
      Float32 [b, scale * h, scale * w, 3], nominally in [0, 1], not clipped.
    """
    conv = functools.partial(layers.Conv, dtype=self.dtype)
    block_conv = functools.partial(conv, use_bias=self.block_bias)
    activation = functools.partial(layers.PReLU, self.prelu_per_channel)
    norm = layers.batch_norm(
      train=train,
      momentum=self.batch_norm_momentum,
      epsilon=self.batch_norm_epsilon,
      dtype=self.dtype,
    )

    mean, deviation = INPUT_RANGES[self.input_range]
    x = (lr - jnp.asarray(mean)) / jnp.asarray(deviation)
    head = conv(self.features, 9, name="head")(x)
    head = activation(name="head_activation")(head)
    x = head
    for i in range(self.num_blocks):
      x = layers.ResidualBlock(
        self.features,
        make_conv=block_conv,
        make_activation=activation,
        make_norm=norm,
        name=f"blocks_{i}",
      )(x)
    if self.after_trunk == "batch_norm":
      x = block_conv(self.features, name="trunk")(x)
      x = norm(name="trunk_norm")(x)
    else:
      x = conv(self.features, name="trunk")(x)
      x = activation(name="trunk_activation")(x)
    x = head + x

    direct = self.upsampler == "direct"
    factors = () if direct else layers.upsample_factors(self.scale)
    blurs = self.blur_after_shuffle and self.upsampler == "shuffle"
    tail_shuffles = layers.tail_shuffles(self.upsampler, self.scale, train)
    for i, factor in enumerate(factors):
      shuffles = i < len(factors) - 1 or not tail_shuffles
      copies = 1 if shuffles else factor**2
      x = layers.Upsample(
        self.features,
        make_conv=conv,
        make_activation=functools.partial(activation, copies=copies),
        factor=factor,
        shuffles=shuffles,
        blurs=blurs and i > 0,
        nearest=self.upsampler == "nearest",
        icnr=self.icnr,
        name=f"upsample_{i}",
      )(x)
    copies = self.scale**2 if direct else 1
    tail = conv(
      3 * copies,
      3 if direct else 9,
      shuffles=tail_shuffles,
      blurs=blurs and bool(factors),
      copies=copies if self.icnr else 1,
      name="tail",
    )
    y = tail(x).astype(jnp.float32)
    if direct:
      y = pixels.pixel_shuffle(y, self.scale, order="DCR")
    if self.tanh:
      y = jnp.tanh(y)
    return layers.symmetric_to_image(y, lr, self.scale, self.residual_base)


class MSRResNet(nn.Module):
  """SRResNet as ESRGAN's authors modified it in their code (BasicSR).

  No normalization, 3x3 convolutions with biases only, no skip over the blocks,
  one convolution more at full resolution, and the bilinearly upscaled input
  added at the end. Images are in [0, 1] throughout.

  Attributes:
    features: channels of the trunk.
    num_blocks: residual blocks.
    scale: scale factor, 1, 2, 3, 4 or 8, see `layers.upsample_factors`.
    dtype: compute dtype: "float32" or "bfloat16". Parameters and the output
      are float32 either way.
  """

  features: fields.Count = 64
  num_blocks: fields.Count = 16
  scale: fields.Scale = 4
  dtype: fields.Dtype = "float32"

  unshuffle = 1

  @property
  def receptive_radius(self) -> int:
    """LR pixels beyond which nothing influences an output pixel."""
    trunk = 1 + 2 * self.num_blocks
    return trunk + layers.reconstruction_radius(2, self.scale)

  @nn.compact
  def __call__(self, lr: jax.Array, train: bool = False) -> jax.Array:
    """Upscales images.

    Args:
      lr: [b, h, w, 3] in [0, 1].
      train: without effect; taken so that all generators are called alike.

    Returns:
      Float32 [b, scale * h, scale * w, 3], nominally in [0, 1], not clipped.
    """
    del train
    conv = functools.partial(
      layers.Conv, initializer="kaiming_tenth", dtype=self.dtype
    )
    activation = functools.partial(layers.LeakyReLU, 0.1)

    x = activation()(conv(self.features, name="head")(lr))
    for i in range(self.num_blocks):
      x = layers.ResidualBlock(
        self.features,
        make_conv=conv,
        make_activation=functools.partial(layers.LeakyReLU, 0.0),
        name=f"blocks_{i}",
      )(x)
    for i, factor in enumerate(layers.upsample_factors(self.scale)):
      x = layers.Upsample(
        self.features,
        make_conv=conv,
        make_activation=activation,
        factor=factor,
        name=f"upsample_{i}",
      )(x)
    x = activation()(conv(self.features, name="hr_conv")(x))
    y = conv(3, name="tail")(x).astype(jnp.float32)
    return resize.resize(lr, self.scale, "bilinear") + y
