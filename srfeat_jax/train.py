"""A training run from its config to its weights, restartable at any point."""

import contextlib
import pathlib

import jax

from srfeat_jax import errors, models, weights
from srfeat_jax.data import pipeline, sources
from srfeat_jax.evaluation import report
from srfeat_jax.evaluation import validator as validator_lib
from srfeat_jax.interchange import safetensors_file
from srfeat_jax.training import (
  checkpoint,
  degrade,
  interruption,
  optimizers,
  parallel,
  steps,
  writers,
)
from srfeat_jax.training import metrics as metrics_lib
from srfeat_jax.training import progress as progress_lib
from srfeat_jax.training import state as state_lib
from srfeat_jax.training import workdir as workdir_lib


def train_and_evaluate(config, workdir: str) -> state_lib.TrainState:
  """Trains until `config.num_steps`, going on from the newest checkpoint.

  Args:
    config: see `configs/`.
    workdir: the run's folder: checkpoints, `config.json`, `environment.json`,
      `metrics.jsonl`, TensorBoard's events, and at the end
      `generator.safetensors` and `training_curve.png`.

  Returns:
    The last state.

  Raises:
    errors.InputError: the config, a file or the workdir does not fit.
  """
  workdir = pathlib.Path(workdir)
  leads = jax.process_index() == 0
  generator = models.build(config.generator)
  _check_numbers(config)
  parallel.check_batch_size(config.batch_size)
  degrade.check_crop_size(config.crop_size, generator.scale)
  validator = validator_lib.Validator(
    generator, config.data.benchmarks, config.data.sets
  )
  batches = _batches(config)
  mesh = parallel.make_mesh()
  schedule = optimizers.learning_rate(config.learning_rate, config.num_steps)
  optimizer = optimizers.adam(config.optimizer, schedule)
  step_fn = jax.jit(
    steps.make_pixel_step(config, generator, optimizer, schedule),
    in_shardings=(parallel.replicated(mesh), parallel.split(mesh)),
    out_shardings=parallel.replicated(mesh),
    donate_argnums=0,
  )
  state = _start(config, generator, optimizer, mesh)
  # Finds what is wrong with a step before anything is written.
  shape = (config.batch_size, config.crop_size, config.crop_size, 3)
  jax.eval_shape(step_fn, state, jax.ShapeDtypeStruct(shape, "uint8"))

  workdir_lib.prepare(workdir, config.to_dict(), writes=leads)
  checkpointer = checkpoint.Checkpointer(workdir, config.keep_checkpoints)
  if checkpointer.latest_step() is not None:
    state, position = checkpointer.restore(state)
    batches.set_state(position)
  first_step = int(state.step)

  writer = writers.create(workdir, first_step=first_step, active=leads)
  progress = progress_lib.Progress(
    first_step, config.num_steps, config.batch_size, shown=leads
  )
  progress.say(_summary(config, state, workdir))
  if first_step == 0:
    validator.write_baseline(writer)
  window = metrics_lib.Window()
  previous = None

  with (
    interruption.Interruption() as interruption_,
    contextlib.closing(progress),
    contextlib.closing(writer),
    contextlib.closing(batches),
    contextlib.closing(checkpointer),
  ):
    for step in range(first_step + 1, config.num_steps + 1):
      with progress.waiting_for_data():
        hr = parallel.to_global(next(batches), mesh)
      state, metrics = step_fn(state, hr)
      window.append(step, metrics)
      jax.block_until_ready(previous)  # at most one step ahead of the device
      previous = metrics
      progress.advance()

      stopping = interruption_.requested or checkpointer.asked_to_stop(step)
      last = stopping or step == config.num_steps
      if last or step % config.log_every == 0:
        means = window.flush()
        writer.write_scalars(step, means | progress.report(step, means))
      with progress.pause():
        if validator.sets and (
          step % config.eval_every == 0 or step == config.num_steps
        ):
          scores = validator.validate(step, state.best_variables, writer)
          progress.show(step, validator_lib.headline(scores))
        if last or step % config.checkpoint_every == 0:
          window.check()  # a bad state must not replace a good one
          position = batches.get_state()
          checkpointer.save(step, state, position, config.to_dict())
      if stopping:
        progress.say(f"stopped at step {step}: the same command goes on there")
        break
  if leads:
    _export(config, state, workdir)
  return state


def _check_numbers(config) -> None:
  counts = ("num_steps", "log_every", "eval_every", "checkpoint_every")
  for name in (*counts, "keep_checkpoints"):
    if config[name] < 1:
      raise errors.InputError(
        f"config.{name} is {config[name]}: expected a whole number above 0"
      )
  if not 0 <= config.ema_decay < 1:
    raise errors.InputError(
      f"config.ema_decay is {config.ema_decay}: expected a number from 0 (no"
      " average) to below 1"
    )


def _batches(config):
  train_sources, train_weights = sources.create(
    config.data.train,
    config.crop_size,
    config.data.cache_gib * 2**30 / max(1, config.data.num_workers),
  )
  return pipeline.create(
    train_sources,
    train_weights,
    crop_size=config.crop_size,
    crop=config.data.crop,
    augment=config.data.augment,
    batch_size=config.batch_size,
    seed=config.seed,
    process_index=jax.process_index(),
    process_count=jax.process_count(),
    num_workers=config.data.num_workers,
  )


def _start(config, generator, optimizer, mesh):
  """The state at step 0: a random start, or the weights of `init_from`."""
  key = jax.random.key(config.seed)
  keep_ema = config.ema_decay > 0
  replicated = parallel.replicated(mesh)
  if not config.init_from:
    create = jax.jit(
      lambda key: state_lib.create(
        generator, optimizer, key, keep_ema=keep_ema
      ),
      out_shardings=replicated,
    )
    return create(key)
  variables = weights.load_for(generator, config.init_from)
  start = jax.jit(
    lambda variables: state_lib.start(optimizer, variables, keep_ema=keep_ema),
    out_shardings=replicated,
  )
  return start(variables)


def _summary(config, state, workdir) -> str:
  count = sum(x.size for x in jax.tree.leaves(state.generator.params))
  return (
    f"{config.generator.architecture}, {count:,} parameters, on"
    f" {jax.device_count()} x {jax.devices()[0].device_kind};"
    f" step {int(state.step)} of {config.num_steps}, in {workdir}"
  )


def _export(config, state, workdir) -> None:
  """Writes what a person takes away: the weights in a file, and the curve."""
  variables = jax.tree.map(
    lambda x: x.addressable_data(0), state.best_variables
  )
  path = workdir / "generator.safetensors"
  safetensors_file.save(path, config.generator.to_dict(), variables)
  report.training_curve(
    workdir / "metrics.jsonl", workdir / "training_curve.png"
  )
