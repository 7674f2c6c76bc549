"""Our training step and our upscaling, ready to be timed."""

import dataclasses
import functools
import tempfile
import time
from collections.abc import Callable

import jax
import jax.numpy as jnp
import numpy as np
import optax

from srfeat_jax import models
from srfeat_jax.inference import upscaler
from srfeat_jax.interchange import generator_file
from srfeat_jax.models import vgg19
from srfeat_jax.training import averages, state, steps
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import optimizers as optimizers_lib


class TrainStep:
  """A compiled step with its state, on the default device.

  Attributes:
    parameters: the number of trained parameters, by network.
    flops: floating-point operations per step, see `count_flops`.
    compile_seconds: how long it took to compile the step.
    compiled: the compiled step.
  """

  def __init__(self, config, vgg_settings: dict, hr: np.ndarray):
    """Makes the state and compiles the step.

    Args:
      config: of a run.
      vgg_settings: fields of `vgg19.VGG19`.
      hr: uint8 crops [b, H, W, 3], the same for all steps.
    """
    networks = networks_lib.assemble(config, vgg_settings)
    optimizers = optimizers_lib.build(config)
    step = jax.jit(
      steps.make_step(config, networks, optimizers), donate_argnums=0
    )

    @jax.jit
    def start(key):
      generator, discriminators = networks.init(key)
      return state.start(
        generator,
        optimizers.generator,
        discriminators,
        optimizers.discriminator,
        keep_ema=averages.kept(config),
      )

    self._state = start(jax.random.key(config.seed))
    self._vgg = vgg_variables(networks.vgg)
    self._hr = jax.device_put(hr)
    arguments = (self._state, self._vgg, self._hr)
    self.flops = count_flops(step, *arguments)
    lowered = step.lower(*arguments)
    before = time.perf_counter()
    self.compiled = lowered.compile()
    self.compile_seconds = time.perf_counter() - before
    self.parameters = {
      name: sum(x.size for x in jax.tree.leaves(network.params))
      for name, network in (
        ("generator", self._state.generator),
        *self._state.discriminators.items(),
      )
    }

  def __call__(self, count: int) -> dict[str, float]:
    """Takes that many steps, waits, and returns the metrics of the last."""
    for _ in range(count):
      self._state, metrics = self.compiled(self._state, self._vgg, self._hr)
    jax.block_until_ready(self._state)
    return {name: float(value) for name, value in metrics.items()}

  def moments(self) -> dict[str, np.ndarray]:
    """Adam's first moments, by network: after one step a share of gradients."""
    return {
      name: np.concatenate(
        [np.ravel(x) for x in jax.tree.leaves(optax.tree.get(each, "mu"))]
      )
      for name, each in (
        ("generator", self._state.generator.opt_state),
        *((k, v.opt_state) for k, v in self._state.discriminators.items()),
      )
    }


def count_flops(function: Callable, *arguments) -> float:
  """Counts the floating-point operations of a program before it is optimized.

  They are counted for a CPU, because a GPU's compiler only reports those of the
  optimized program.
  """
  shapes = jax.tree.map(
    lambda x: jax.ShapeDtypeStruct(x.shape, x.dtype), arguments
  )
  with jax.default_device(jax.devices("cpu")[0]):
    return jax.jit(function).lower(*shapes).cost_analysis()["flops"]


def vgg_variables(network: vgg19.VGG19 | None, seed: int = 1) -> dict:
  """Makes random weights that keep the scale of features; {} for no network."""
  if network is None:
    return {}

  @jax.jit
  def start(key):
    image = jnp.zeros((1, 32, 32, 3))
    return network.init(key, image)

  variables = start(jax.random.key(seed))
  # These are PyTorch's initial weights; He's are sqrt(6) times as large.
  variables = jax.tree.map(
    lambda x: np.sqrt(6).astype(x.dtype) * x if x.ndim == 4 else x, variables
  )
  return vgg19.for_training(variables)


@dataclasses.dataclass(frozen=True)
class Generator:
  """A generator with random weights.

  Attributes:
    config: what `models.build` takes, complete.
    module: what it builds.
    variables: "params" and, with BatchNorm, "batch_stats".
  """

  config: dict
  module: object
  variables: dict

  @classmethod
  def start(cls, config: dict) -> "Generator":
    """Makes the variables."""
    module = models.build(config)
    complete = generator_file.complete(config)
    init = jax.jit(functools.partial(models.init, module))
    variables = init(jax.random.key(0))
    return cls(complete, module, variables)

  @property
  def parameters(self) -> int:
    """Number of trained parameters."""
    return sum(x.size for x in jax.tree.leaves(self.variables["params"]))

  def network(self, lr: np.ndarray) -> tuple[Callable[[int], None], float]:
    """Prepares the bare network on an input that is on the device.

    Args:
      lr: float32 [1, h, w, 3].

    Returns:
      A function that upscales that many times and waits; its FLOPs each time.
    """
    variables, lr = jax.device_put((self.variables, lr))
    compiled = jax.jit(self.module.apply).lower(variables, lr).compile()
    # As in training: to upscale, some products with zeros are added.
    plain = functools.partial(
      self.module.apply, train=True, mutable=["batch_stats"]
    )

    def run(count: int) -> None:
      for _ in range(count):
        sr = compiled(variables, lr)
      sr.block_until_ready()

    return run, count_flops(plain, variables, lr)

  def image(self, lr: np.ndarray) -> Callable[[int], None]:
    """Prepares the upscaling of a uint8 image [h, w, 3], in exact tiles."""
    upscale = upscaler.Upscaler(self.module, self.variables)

    def run(count: int) -> None:
      for _ in range(count):
        upscale(lr)

    return run

  def onnx(self, lr: np.ndarray, threads: int) -> Callable[[int], None]:
    """Prepares the bare network in ONNX Runtime on the CPU.

    Raises:
      ImportError: onnxruntime is missing.
      errors.InputError: onnx is missing.
    """
    import onnxruntime

    from srfeat_jax.interchange.exports import onnx_file

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads
    with tempfile.NamedTemporaryFile(suffix=".onnx") as file:
      onnx_file.save(file.name, self.config, self.variables)
      session = onnxruntime.InferenceSession(
        file.name, options, providers=["CPUExecutionProvider"]
      )
    lr = np.ascontiguousarray(np.moveaxis(lr, -1, 1))

    def run(count: int) -> None:
      for _ in range(count):
        session.run(None, {"lr": lr})

    return run
