"""What the discriminators that are chains of convolutions have in common."""

import functools

import jax
import jax.numpy as jnp

from srfeat_jax.models import layers


def mismatch(expected: int, size: int) -> str:
  """Says why a discriminator for one size cannot take another.

  Args:
    expected: height and width that it is built for.
    size: height and width of its inputs.

  Returns:
    A sentence that begins with the field to change; "" if the sizes agree.
  """
  if size == expected:
    return ""
  return (
    f"input_size: the discriminator is built for {expected}x{expected}, but its"
    f" input is {size}x{size}; set it to 0, which stands for the input's size,"
    " or change the crop size"
  )


def check_shape(x: jax.Array, size: int) -> None:
  """Raises `ValueError` unless `x` is `[b, size, size, c]`."""
  if x.ndim != 4 or x.shape[1:3] != (size, size):
    raise ValueError(
      f"this discriminator is for [b, {size}, {size}, c], not {x.shape}"
    )


def feature_map(
  x: jax.Array,
  *,
  widths: list[int],
  halving_kernel: int,
  normalized_bias: bool,
  initializer: str,
  dtype: str,
  halves: bool = True,
  spectral_norm: bool = False,
) -> jax.Array:
  """The convolutions of a discriminator, as submodules of the calling one.

  Args:
    x: `[b, h, w, c]`.
    widths: channels of each pair of convolutions, the second of stride 2.
    halving_kernel: side of that second one's kernel.
    normalized_bias: whether convolutions before a normalization have biases.
    initializer: of the convolutions, see `layers`.
    dtype: compute dtype.
    halves: whether these second ones have a stride of 2. If not, all kernels
      have a side of 3, and height and width are kept.
    spectral_norm: whether spectral normalization of the kernels stands in place
      of batch normalization.

  Returns:
    The last feature map, in the compute dtype.
  """
  for i in range(2 * len(widths)):
    halving = halves and i % 2 == 1
    x = layers.Conv(
      widths[i // 2],
      kernel_size=halving_kernel if halving else 3,
      stride=2 if halving else 1,
      use_bias=normalized_bias or i == 0,
      initializer=initializer,
      dtype=dtype,
      spectral_norm=spectral_norm and i > 0,
      name=f"conv_{i}",
    )(x)
    if i > 0 and not spectral_norm:
      x = layers.StatelessBatchNorm(dtype=dtype, name=f"norm_{i}")(x)
    x = layers.LeakyReLU(0.2)(x)
  return x


def image_logits(
  x: jax.Array, hidden: int, initializer: str, dtype: str
) -> jax.Array:
  """Two dense layers on a flattened feature map, as submodules of the caller.

  Args:
    x: `[b, h, w, c]`.
    hidden: outputs of the first layer.
    initializer: of both, see `layers`.
    dtype: compute dtype of the first; the second computes in float32.

  Returns:
    A float32 logit per image, `[b]`.
  """
  dense = functools.partial(layers.Dense, initializer=initializer)
  x = dense(hidden, dtype=dtype, name="hidden")(x.reshape(len(x), -1))
  x = layers.LeakyReLU(0.2)(x)
  return dense(1, name="logit")(x).astype(jnp.float32)[:, 0]
