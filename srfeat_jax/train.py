"""A training run from its config to its weights, restartable at any point."""

import contextlib
import pathlib

import jax
from absl import logging

from srfeat_jax.data import pipeline, sources
from srfeat_jax.evaluation import plots
from srfeat_jax.evaluation import validator as validator_lib
from srfeat_jax.interchange.containers import safetensors_file
from srfeat_jax.training import (
  checkpoint,
  config_checks,
  interruption,
  parallel,
  steps,
  writers,
)
from srfeat_jax.training import metrics as metrics_lib
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import optimizers as optimizers_lib
from srfeat_jax.training import progress as progress_lib
from srfeat_jax.training import state as state_lib
from srfeat_jax.training import workdir as workdir_lib
from srfeat_jax.weights import lookup


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
    interruption.Stopped: a signal asked for it; the state is saved.
  """
  workdir = pathlib.Path(workdir)
  leads = jax.process_index() == 0
  config_checks.check(config)
  parallel.check_batch_size(config.batch_size)
  networks, vgg = networks_lib.build(config)
  generator = networks.generator
  validator = validator_lib.Validator(
    generator, config.data.benchmarks, config.data.sets
  )
  batches, pictures = make_batches(config)
  mesh = parallel.make_mesh()
  replicated = parallel.replicated(mesh)
  optimizers = make_optimizers(config)
  step_fn = jax.jit(
    steps.make_step(config, networks, optimizers),
    in_shardings=(replicated, replicated, parallel.split(mesh)),
    out_shardings=replicated,
    donate_argnums=0,
  )
  workdir_lib.check(workdir, config.to_dict())
  # What a run began with need not be there any more when it goes on.
  begins = not checkpoint.exists(workdir)
  given = None
  if begins and config.init_from:
    given = lookup.load_for(generator, config.init_from)
  state = _start(config, networks, optimizers, given, replicated)
  vgg = jax.device_put(vgg, replicated)
  # Finds what is wrong with a step before anything is written.
  shape = (config.batch_size, config.crop_size, config.crop_size, 3)
  jax.eval_shape(step_fn, state, vgg, jax.ShapeDtypeStruct(shape, "uint8"))

  with contextlib.ExitStack() as stack:
    if leads:
      stack.enter_context(workdir_lib.hold(workdir))
    checkpointer = stack.enter_context(
      contextlib.closing(
        checkpoint.Checkpointer(workdir, config.keep_checkpoints)
      )
    )
    stack.enter_context(contextlib.closing(batches))
    if checkpointer.latest_step() is not None:
      state, data = checkpointer.restore(state, config.to_dict())
      batches.set_state(data["position"])
      if data["pictures"] != pictures:
        logging.warning(
          "the training pictures are not those the run began with: %s; they"
          " were %s",
          pictures,
          data["pictures"],
        )
    step = first_step = int(state.step)
    if first_step > config.num_steps:
      if leads:
        print(f"already at step {step} of {config.num_steps}: nothing to do")
      return state

    if leads:
      workdir_lib.record(workdir, config.to_dict())
    writer = stack.enter_context(
      contextlib.closing(
        writers.create(workdir, first_step=first_step, active=leads)
      )
    )
    progress = stack.enter_context(
      contextlib.closing(
        progress_lib.Progress(
          first_step, config.num_steps, config.batch_size, shown=leads
        )
      )
    )
    progress.say(_summary(config, state, workdir))
    if first_step == 0:
      validator.write_baseline(writer)
      if config.init_from and validator.sets:
        validator.validate(0, state.best_variables, writer)
    window = metrics_lib.Window()
    previous = None
    signals = stack.enter_context(
      interruption.Interruption(checkpointer.asked_to_stop)
    )

    for step in range(first_step + 1, config.num_steps + 1):
      with progress.waiting_for_data():
        hr = parallel.to_global(next(batches), mesh)
      state, metrics = step_fn(state, vgg, hr)
      window.append(step, metrics)
      jax.block_until_ready(previous)  # at most one step ahead of the device
      previous = metrics
      progress.advance()

      status = signals.status_after(step)
      last = status is not None or step == config.num_steps
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
          data = {"position": batches.get_state(), "pictures": pictures}
          checkpointer.save(step, state, data, config.to_dict())
      if last:
        break

    checkpointer.wait()
    if step < config.num_steps:
      stopped = interruption.Stopped(step, status)
      progress.say(str(stopped))
      raise stopped
    if leads:
      _export(config, state, workdir)
    progress.say(
      f"done: {workdir} holds generator.safetensors, training_curve.png and"
      " checkpoints"
    )
  return state


def make_batches(config):
  """The training crops of a run, and what they are cut from.

  Args:
    config: of the run; read are `data`, `crop_size`, `batch_size` and `seed`.

  Returns:
    An endless iterator of uint8 `[b, H, W, 3]`, this process's share of each
    batch, to be closed; and the identities of its sources.

  Raises:
    errors.InputError: a folder is missing or holds nothing to train on.
  """
  train_sources, train_weights = sources.create(
    config.data.train,
    config.crop_size,
    config.data.cache_gib * 2**30 / max(1, config.data.num_workers),
  )
  batches = pipeline.create(
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
  return batches, [source.identity for source in train_sources]


def make_optimizers(config) -> steps.Optimizers:
  """Those of a run.

  Args:
    config: of the run; read are `num_steps`, `optimizer` and `learning_rate`,
      and both of the discriminators.

  Raises:
    errors.InputError: a field has a value it does not take.
  """
  schedules = [
    optimizers_lib.learning_rate(each, config.num_steps)
    for each in (config.learning_rate, config.discriminator_learning_rate)
  ]
  return steps.Optimizers(
    generator=optimizers_lib.adam(config.optimizer, schedules[0]),
    generator_schedule=schedules[0],
    discriminator=optimizers_lib.adam(
      config.discriminator_optimizer, schedules[1]
    ),
    discriminator_schedule=schedules[1],
  )


def _start(
  config, networks, optimizers, given, sharding
) -> state_lib.TrainState:
  """The state at step 0, with a generator that is given or else random."""

  def start(given):
    key = jax.random.key(config.seed)
    variables, discriminators = networks.init(key)
    return state_lib.start(
      given or variables,
      optimizers.generator,
      discriminators,
      optimizers.discriminator,
      keep_ema=config.ema_decay > 0,
    )

  return jax.jit(start, out_shardings=sharding)(given)


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
  plots.training_curve(
    workdir / "metrics.jsonl", workdir / "training_curve.png"
  )
