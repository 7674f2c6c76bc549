"""The training step of a config, compiled for a topology, from shapes alone.

Neither VGG-19's weights nor those that a run starts from need to be there, nor
its data: LR is made of HR crops, as with a folder of images.
"""

import dataclasses
import re
import time
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import jax
import ml_collections
from jax.sharding import Mesh

from srfeat_jax import errors
from srfeat_jax.models import vgg19
from srfeat_jax.scaling import collectives, topologies
from srfeat_jax.training import (
  compute_precision,
  config_checks,
  microbatches,
  parallel,
  steps,
)
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import optimizers as optimizers_lib
from srfeat_jax.weights import starts, teachers

# What VGG-19's weights want that the losses are set for, see
# `config.vgg_preprocessing`: Caffe's are used as TensorFlow pools.
_VGG_SETTINGS: Mapping[str, Mapping[str, str]] = {
  "caffe": {"preprocessing": "caffe", "pooling": "ceil"},
  "torchvision": {"preprocessing": "torchvision", "pooling": "floor"},
}
_TOO_LARGE = re.compile(r"Used (\S+) of (\S+) hbm", re.IGNORECASE)
_CYCLES = re.compile(r'"estimated_cycles":"(\d+)"')


@dataclasses.dataclass(frozen=True)
class Memory:
  """Bytes on each device.

  Attributes:
    arguments: state, batch and VGG-19's weights.
    results: of them, those that do not take the place of an argument.
    temporaries: the most that is needed at any time besides.
    code: the program itself.
  """

  arguments: int
  results: int
  temporaries: int
  code: int

  @property
  def total(self) -> int:
    """All together."""
    return self.arguments + self.results + self.temporaries + self.code


@dataclasses.dataclass(frozen=True)
class CompiledStep:
  """What is known of a step once it is compiled.

  Attributes:
    step_flops: operations of the step on all devices, as it is written, before
      it is optimized.
    flops: operations of each device, of the compiled program.
    num_bytes: that each reads and writes, likewise.
    cycles: of each device, as the compiler estimates; 0 where it does not.
    memory: of each device.
    sent: its collectives.
    has_loop: whether the batch is taken in parts by a loop: XLA counts one turn
      of it, so `step_flops`, `flops`, `num_bytes` and `cycles` are too low.
    seconds: that compiling took.
    compiled: the program.
  """

  step_flops: float
  flops: float
  num_bytes: float
  cycles: int
  memory: Memory
  sent: Sequence[collectives.Collective]
  has_loop: bool
  seconds: float
  compiled: Any


def compile_step(
  config: ml_collections.ConfigDict, topology: topologies.Topology
) -> CompiledStep:
  """Compiles the step that a run of the config would take there.

  Args:
    config: of a run; weights to start from may be left out.
    topology: what to compile for.

  Raises:
    errors.InputError: the config does not fit, or its batch the number of
      devices; there is no such topology; or the memory of its chips is too
      small.
  """
  config = config.copy_and_resolve_references()
  with config.unlocked():
    config.allow_scratch = True  # weights to start from do not change a step
    config.init_from = config.init_discriminators_from = ""
  config_checks.check(config)
  devices = topology.devices()
  parallel.check_batch_size(config.batch_size, len(devices))
  microbatches.check(config.batch_size, config.accumulation_steps, len(devices))
  mesh = parallel.make_mesh(devices)
  step, arguments = step_and_shapes(config, mesh)
  shardings = parallel.of_state(arguments[0], mesh, config.fsdp)
  lowered = parallel.jit_step(step, mesh, shardings).lower(*arguments)
  before = time.perf_counter()
  try:
    compiled = lowered.compile()
  except jax.errors.JaxRuntimeError as error:
    raise _too_large(topology, error) or error from error
  seconds = time.perf_counter() - before
  text: str = compiled.as_text() or ""
  costs: Any = compiled.cost_analysis()
  return CompiledStep(
    step_flops=count_flops(*step_and_shapes(config)),
    flops=costs["flops"],
    num_bytes=costs["bytes accessed"],
    cycles=sum(int(cycles) for cycles in _CYCLES.findall(_entry(text))),
    memory=_memory(compiled.memory_analysis()),
    sent=collectives.find(text),
    has_loop=config.accumulation_steps > 1,
    seconds=seconds,
    compiled=compiled,
  )


def step_and_shapes(
  config: ml_collections.ConfigDict, mesh: Mesh | None = None
) -> tuple[Callable, tuple[Any, ...]]:
  """The training step, and the shapes of what it takes.

  Args:
    config: of a run.
    mesh: all devices; None for a single one, whichever.

  Returns:
    `steps.make_step`'s function, and its arguments as `jax.ShapeDtypeStruct`.
  """
  config = compute_precision.with_dtype(config)
  settings = _VGG_SETTINGS[config.vgg_preprocessing or "torchvision"]
  networks = networks_lib.assemble(
    config, {**settings, "clip": config.vgg_clip}
  )
  networks, teacher_variables = teachers.add(config, networks)
  optimizers = optimizers_lib.build(config)
  size = config.crop_size
  crops = steps.num_batches(config) * config.batch_size
  return steps.make_step(config, networks, optimizers, mesh), (
    starts.shapes(config, networks, optimizers),
    _vgg_shapes(networks.vgg, mesh),
    jax.ShapeDtypeStruct((crops, size, size, 3), "uint8"),
    jax.eval_shape(lambda: teacher_variables),
  )


def count_flops(function: Callable, shapes: Sequence[Any]) -> float:
  """The operations of a function as it is written, before it is optimized.

  They are counted for a CPU, whichever accelerator there is.
  """
  with jax.default_device(jax.devices("cpu")[0]):
    costs: Any = jax.jit(function).lower(*shapes).cost_analysis()
  return costs["flops"]


def _vgg_shapes(network: vgg19.VGG19 | None, mesh: Mesh | None) -> Any:
  if network is None:
    return {}
  platform = "none" if mesh is None else mesh.devices.flat[0].platform
  image = jax.ShapeDtypeStruct((1, 32, 32, 3), "float32")
  return jax.eval_shape(
    lambda key, image: vgg19.for_training(network.init(key, image), platform),
    *(jax.random.key(0), image),
  )


def _memory(usage: Any) -> Memory:
  return Memory(
    arguments=usage.argument_size_in_bytes,
    results=usage.output_size_in_bytes - usage.alias_size_in_bytes,
    temporaries=usage.temp_size_in_bytes,
    code=usage.generated_code_size_in_bytes,
  )


def _entry(text: str) -> str:
  """The part of a program's text that is run once, without what it calls."""
  return text[max(0, text.find("\nENTRY ")) :]


def _too_large(
  topology: topologies.Topology, error: Exception
) -> errors.InputError | None:
  """What to say if a chip's memory is too small; None for another error."""
  text = str(error)
  if "RESOURCE_EXHAUSTED" not in text and "Ran out of memory" not in text:
    return None
  sizes = _TOO_LARGE.search(text)
  said = f"{sizes[1]}, of {sizes[2]} that a chip has" if sizes else "too much"
  return errors.InputError(
    f"the step does not fit into the memory of {topology.name}: it needs"
    f" {said}: lower config.batch_size or config.crop_size, raise"
    " config.accumulation_steps, set config.fsdp, or take more chips"
  )
