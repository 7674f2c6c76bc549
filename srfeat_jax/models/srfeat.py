"""The generator of SRFeat (Park et al., ECCV 2018, section 3.1)."""

import functools
from typing import Literal

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax.models import fields, layers
from srfeat_jax.ops import pixels


class SRFeat(nn.Module):
  """Residual blocks whose outputs all reach the reconstructor.

  A 9x9 convolution; residual blocks; the last block's output plus a 1x1
  convolution of every other block's (the long-range skips); sub-pixel
  upsampling; a 3x3 convolution. Internally, images are in [-1, 1]. The defaults
  are the authors' network with batch normalization; their other variant is
  `batch_norm=False` with biases everywhere and the uniform initializer.

  Attributes:
    features: channels of the trunk.
    num_blocks: residual blocks; one less than that are the skips.
    scale: scale factor, 1, 2, 3, 4 or 8; the last convolution follows the trunk
      where it is 1, and one pixel shuffle of 3 makes 3.
    batch_norm: whether the blocks normalize (decay 0.9, epsilon 1e-5).
    initializer: "normal" (0.01) or "uniform" (PyTorch's default).
    block_bias: whether the blocks' convolutions have biases.
    skip_bias: whether the skips have biases.
    activation_after_shuffle: whether a leaky ReLU ends each upsampling, as in
      the authors' code but not in the paper's figure.
    blur_after_shuffle: whether the convolutions after a pixel shuffle first
      blur their input by [1, 2, 1] / 4, against checkerboard artifacts, see
      `layers.Conv`; without effect at scale 1 and where none follows a shuffle.
    upsampler: "shuffle", as in the paper; "direct", one 3x3 convolution to
      3 scale**2 channels and one pixel shuffle; or "nearest", pixels repeated
      and a 3x3 convolution in place of each pixel shuffle, against
      checkerboard artifacts (Odena et al. 2016).
    icnr: whether convolutions before a pixel shuffle start alike for all pixels
      that it makes of one, see `layers.Conv`.
    tanh: whether tanh ends the network.
    residual_base: image the network adds its output to: "none", "bilinear" or
      "bicubic", see `layers.symmetric_to_image`.
    dtype: compute dtype: "float32" or "bfloat16". Parameters, batch statistics
      and the output are float32 either way.
  """

  features: fields.Count = 128
  num_blocks: fields.Count = 16
  scale: fields.Scale = 4
  batch_norm: bool = True
  initializer: Literal["normal", "uniform"] = "normal"
  block_bias: bool = False
  skip_bias: bool = False
  activation_after_shuffle: bool = True
  blur_after_shuffle: bool = False
  upsampler: fields.Upsampler = "shuffle"
  icnr: bool = False
  tanh: bool = False
  residual_base: fields.ResidualBase = "none"
  dtype: fields.Dtype = "float32"

  unshuffle = 1

  @property
  def receptive_radius(self) -> int:
    """LR pixels beyond which nothing influences an output pixel.

    A residual base reaches 2 at most, less than the network itself.
    """
    trunk = 4 + 2 * self.num_blocks
    return trunk + layers.reconstruction_radius(
      1, self.scale, self.blur_after_shuffle, self.upsampler
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
    conv = functools.partial(
      layers.Conv, initializer=self.initializer, dtype=self.dtype
    )
    activation = functools.partial(layers.LeakyReLU, 0.2)
    norm = layers.batch_norm(
      train=train, momentum=0.9, epsilon=1e-5, dtype=self.dtype
    )

    x = conv(self.features, 9, name="head")(2 * lr - 1)
    skips = []
    for i in range(self.num_blocks):
      x = layers.ResidualBlock(
        self.features,
        make_conv=functools.partial(conv, use_bias=self.block_bias),
        make_activation=activation,
        make_norm=norm if self.batch_norm else None,
        name=f"blocks_{i}",
      )(x)
      if i < self.num_blocks - 1:
        skip = conv(
          self.features, 1, use_bias=self.skip_bias, name=f"skips_{i}"
        )
        skips.append(skip(x))
    x = sum(skips, start=x)

    direct = self.upsampler == "direct"
    shuffles = self.upsampler == "shuffle"
    factors = () if direct else layers.upsample_factors(self.scale)
    tail_shuffles = layers.tail_shuffles(self.upsampler, self.scale, train)
    for i, factor in enumerate(factors):
      x = layers.Upsample(
        self.features,
        make_conv=conv,
        make_activation=activation if self.activation_after_shuffle else None,
        factor=factor,
        shuffles=i < len(factors) - 1 or not tail_shuffles,
        blurs=self.blur_after_shuffle and shuffles and i > 0,
        nearest=self.upsampler == "nearest",
        icnr=self.icnr,
        name=f"upsample_{i}",
      )(x)
    copies = self.scale**2 if direct else 1
    tail = conv(
      3 * copies,
      shuffles=tail_shuffles,
      blurs=self.blur_after_shuffle and shuffles and bool(factors),
      copies=copies if self.icnr else 1,
      name="tail",
    )
    y = tail(x).astype(jnp.float32)
    if direct:
      y = pixels.pixel_shuffle(y, self.scale, order="DCR")
    if self.tanh:
      y = jnp.tanh(y)
    return layers.symmetric_to_image(y, lr, self.scale, self.residual_base)
