"""VGG-19 (Simonyan & Zisserman 2015, configuration E), for its features.

A layer is named by what comes out of it: "conv5_4" is the fourth convolution of
the fifth block before its ReLU, "relu5_4" the same after it. Parameters are
never part of the module: they are an argument of `apply`, all sixteen layers or
as many as are needed,

  network = vgg19.VGG19(("conv2_2", "relu5_4"), **settings)
  features = network.apply(variables, image)["relu5_4"]

where settings and variables come from one file, for weights are of use only
with the kind of input that they were trained on.
"""

from collections.abc import Mapping
from typing import Any

import jax
import jax.numpy as jnp
from flax import linen as nn

from srfeat_jax import errors
from srfeat_jax.models import convolution, layers, pooling

# Output channels of each convolution; a max-pool stands before each block but
# the first.
CHANNELS = {
  f"conv{block}_{i}": channels
  for block, (count, channels) in enumerate(
    [(2, 64), (2, 128), (4, 256), (4, 512), (4, 512)], start=1
  )
  for i in range(1, count + 1)
}
LAYERS = (*CHANNELS, *(name.replace("conv", "relu") for name in CHANNELS))
PREPROCESSINGS = ("caffe", "torchvision")
POOLINGS = ("ceil", "floor")

_CAFFE_MEAN = (103.939, 116.779, 123.68)  # BGR
_TORCHVISION_MEAN = (0.485, 0.456, 0.406)
_TORCHVISION_STD = (0.229, 0.224, 0.225)


class VGG19(nn.Module):
  """Features of one or several layers in one pass, no deeper than needed.

  Construction raises errors.InputError if a field has a value it cannot take.

  Attributes:
    layers: names of the features.
    preprocessing: what the weights expect: "caffe", BGR in 0..255 minus the
      mean, or "torchvision", RGB normalized by mean and deviation.
    pooling: what becomes of an odd row or column: "ceil" pools it alone, as
      Caffe and TensorFlow's SAME do (296 -> 19 after four pools); "floor"
      drops it, as torchvision does (296 -> 18).
    clip: whether the image is first clipped to [0, 1].
    dtype: compute dtype.
  """

  layers: tuple[str, ...]
  preprocessing: str = "torchvision"
  pooling: str = "floor"
  clip: bool = False
  dtype: str = "float32"

  def __post_init__(self):
    _check("preprocessing", self.preprocessing, PREPROCESSINGS)
    _check("pooling", self.pooling, POOLINGS)
    if isinstance(self.layers, str) or not self.layers:
      raise errors.InputError(
        f"VGG-19's layers are {self.layers!r}: expected a tuple of names"
      )
    for name in self.layers:
      check_layer("VGG-19's layers", name)
    super().__post_init__()

  @nn.compact
  def __call__(self, image: jax.Array) -> dict[str, jax.Array]:
    """Computes features.

    Args:
      image: [b, H, W, 3], RGB in [0, 1].

    Returns:
      For each layer float32 [b, h, w, channels], H and W halved before each
      block but the first.

    Raises:
      errors.InputError: floor pooling leaves nothing of an image this small.
    """
    missing = set(self.layers)
    features = {}
    x = self._preprocess(image)
    for name, channels in CHANNELS.items():
      if not missing:
        break
      if name.endswith("_1") and name != "conv1_1":
        x = self._pool(x, image.shape)
      before = layers.Conv(channels, dtype=self.dtype, name=name)(x)
      x = nn.relu(before)
      for key, value in ((name, before), (_after_relu(name), x)):
        if key in missing:
          features[key] = value.astype(jnp.float32)
          missing.remove(key)
    return features

  def _preprocess(self, image: jax.Array) -> jax.Array:
    x = image.astype(jnp.float32)
    if self.clip:
      x = jnp.clip(x, 0, 1)
    if self.preprocessing == "caffe":
      return 255 * x[..., ::-1] - jnp.array(_CAFFE_MEAN)
    return (x - jnp.array(_TORCHVISION_MEAN)) / jnp.array(_TORCHVISION_STD)

  def _pool(self, x: jax.Array, image_shape: tuple[int, ...]) -> jax.Array:
    padding = "SAME" if self.pooling == "ceil" else "VALID"
    y = pooling.max_pool(x, padding)
    if 0 in y.shape:
      height, width = image_shape[-3:-1]
      raise errors.InputError(
        f"an image of {height}x{width} px is too small for VGG-19's layers"
        f" {', '.join(self.layers)}: it shrinks to nothing"
      )
    return y


def for_training(
  variables: Mapping[str, Any], platform: str | None = None
) -> dict[str, Any]:
  """Adds what makes the gradient to an image fast on CPUs: turned kernels.

  The weights do not train, and so the kernels of the convolutions that the
  gradient consists of stay the same. XLA would make them anew in each step,
  which takes longer than these convolutions where maps are small.

  Args:
    variables: of `VGG19.apply`, {} where it is not needed.
    platform: what computes, as JAX calls it; by default what JAX would choose.

  Returns:
    The same, and on CPUs all kernels a second time.
  """
  if not variables or (platform or jax.default_backend()) != "cpu":
    return {**variables}
  turned = {
    name: {"kernel": convolution.turned(layer["kernel"])}
    for name, layer in variables["params"].items()
  }
  return {**variables, convolution.TURNED: turned}


def check_layer(field: str, name: str) -> None:
  """Raises `errors.InputError` unless VGG-19 has a layer that is called so.

  Args:
    field: where the name stands, for the message.
    name: the layer's.
  """
  if name not in LAYERS:
    raise errors.InputError(
      f'{field}: VGG-19 has no layer "{name}"; expected convI_J, before its'
      " ReLU, or reluI_J, after it, with I_J from 1_1 to 5_4 (two layers in the"
      " blocks 1 and 2, four in 3 to 5)"
    )


def _after_relu(name: str) -> str:
  return name.replace("conv", "relu")


def _check(field: str, value: str, choices: tuple[str, ...]) -> None:
  if value not in choices:
    raise errors.InputError(
      f"VGG-19's {field}: there is no {value!r}, but {', '.join(choices)}"
    )
