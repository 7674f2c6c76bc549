"""What a run is made of, built from its config."""

import dataclasses
import pathlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

import jax
import ml_collections

from srfeat_jax.batches import on_device, on_host, training_images
from srfeat_jax.data import pipeline
from srfeat_jax.evaluation import lpips as lpips_lib
from srfeat_jax.evaluation import snapshots
from srfeat_jax.evaluation import validator as validator_lib
from srfeat_jax.interchange import lpips_file
from srfeat_jax.models import vgg19
from srfeat_jax.training import (
  agreement,
  checkpoint,
  microbatches,
  parallel,
  steps,
)
from srfeat_jax.training import best as best_lib
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import optimizers as optimizers_lib
from srfeat_jax.training import state as state_lib
from srfeat_jax.training import workdir as workdir_lib
from srfeat_jax.weights import starts, teachers


@dataclasses.dataclass(frozen=True)
class Run:
  """What a run is made of, apart from its state; nothing of it is written yet.

  Attributes:
    config: see `configs/`.
    workdir: the run's folder.
    is_main_process: whether this process prints and writes the logs.
    make_update: makes the compiled training step, whose schedules are ahead of
      its own by a number of steps, see `optimizers.build`.
    update: that which is used.
    last_step: the step that it ends with: `config.num_steps`, unless an earlier
      part had batches of another size, see `resumption.restore`.
    vgg_variables: of VGG-19, which `update` takes, on all devices.
    teacher_variables: likewise, of the teacher.
    batches: yields batches on all devices.
    source_identities: of what the crops are cut from.
    validator: evaluates the generator.
    best: the best validation so far.
  """

  config: Any
  workdir: pathlib.Path
  is_main_process: bool
  make_update: Callable[[int], Callable]
  update: Callable
  last_step: int
  vgg_variables: Any
  teacher_variables: Any
  batches: Any
  source_identities: Sequence[str]
  validator: validator_lib.Validator
  best: best_lib.Best


def build(
  config: ml_collections.ConfigDict,
  workdir: pathlib.Path,
  allow_change: Collection[str],
) -> tuple[Run, state_lib.TrainState]:
  """All parts of a run and its state at step 0; nothing is written.

  Raises:
    errors.InputError: the config, a file or the workdir does not fit.
  """
  parallel.check_batch_size(config.batch_size)
  microbatches.check(config.batch_size, config.accumulation_steps)
  pipeline.check_crops(config.data.crop, config.data.crops_per_image)
  networks, vgg_variables = agreement.same(
    lambda: networks_lib.build(config),
    lambda built: agreement.fingerprint(built[1]),
    "weights of VGG-19",
  )
  networks, teacher_variables = agreement.same(
    lambda: teachers.add(config, networks),
    lambda added: agreement.fingerprint(added[1]),
    "weights of a teacher",
  )
  validator = agreement.same(
    lambda: _make_validator(config, networks, workdir),
    lambda made: ", ".join(
      f"{len(each.images)} of {each.name}" for each in made.sets
    ),
    "benchmark sets",
  )
  best = best_lib.make(config, validator.metrics)
  mesh = parallel.make_mesh()
  optimizers = optimizers_lib.build(config)
  workdir_lib.check(workdir, config.to_dict(), allow_change)
  # What a run began with need not be there any more when it resumes, and its
  # images were inspected then.
  begins = not checkpoint.exists(workdir)
  state = starts.make(config, networks, optimizers, mesh, begins=begins)
  shardings = jax.tree.map(lambda x: x.sharding, state)

  def make_update(ahead: int) -> Callable:
    shifted = optimizers_lib.build(config, ahead)
    step = steps.make_step(config, networks, shifted, mesh)
    return parallel.jit_step(step, mesh, shardings)

  update = make_update(0)
  vgg_variables, teacher_variables = jax.device_put(
    (vgg19.for_training(vgg_variables), teacher_variables),
    parallel.replicated(mesh),
  )
  # Finds what is wrong with a step before anything is written, and before
  # images are looked at, which may take long.
  crops = steps.num_batches(config) * config.batch_size
  batch = jax.ShapeDtypeStruct(
    (crops, config.crop_size, config.crop_size, 3),
    "uint8",
    sharding=parallel.split(mesh),  # as the first batch, or it is traced again
  )
  jax.eval_shape(update, state, vgg_variables, batch, teacher_variables)
  images = training_images.find(config, validator.sets if begins else None)
  kind = on_device if config.data.on_device else on_host
  run = Run(
    config=config,
    workdir=workdir,
    is_main_process=jax.process_index() == 0,
    make_update=make_update,
    update=update,
    last_step=config.num_steps,
    vgg_variables=vgg_variables,
    teacher_variables=teacher_variables,
    batches=kind.Batches(config, images, mesh, crops),
    source_identities=images.identities,
    validator=validator,
    best=best,
  )
  return run, state


def summary(run: Run, state: state_lib.TrainState) -> str:
  """What is trained, on what, from which step to which, in one line."""
  count = sum(x.size for x in jax.tree.leaves(state.generator.params))
  split = ""
  if run.config.fsdp:
    whole = sum(x.nbytes for x in jax.tree.leaves(state))
    here = parallel.bytes_on_a_device(state)
    split = f", {here / 1e6:.4g} MB of the state's {whole / 1e6:.4g} on each"
  return (
    f"{run.config.generator.architecture}, {count:,} parameters, on"
    f" {jax.device_count()} x {jax.devices()[0].device_kind}{split};"
    f" step {int(state.step)} of {run.last_step}, in {run.workdir}"
  )


def _make_validator(
  config: ml_collections.ConfigDict,
  networks: networks_lib.Networks,
  workdir: pathlib.Path,
) -> validator_lib.Validator:
  lpips = None
  if config.validation.lpips_weights:
    lpips = lpips_lib.Metric(*lpips_file.load(config.validation.lpips_weights))
  return validator_lib.Validator(
    networks.generator,
    config.data.benchmarks,
    config.data.sets,
    lpips,
    config.validation.metrics,
    workdir,
    snapshots.due(
      config.validation.snapshots, config.num_steps, config.eval_every
    ),
  )
