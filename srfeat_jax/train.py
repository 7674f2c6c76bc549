"""A training run from its config to its weights, restartable at any point."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

import jax
import ml_collections
from absl import logging

from srfeat_jax.batches import on_device, on_host, training_images
from srfeat_jax.evaluation import plots
from srfeat_jax.evaluation import validator as validator_lib
from srfeat_jax.interchange.containers import safetensors_file
from srfeat_jax.training import (
  checkpoint,
  config_checks,
  interruption,
  log_averages,
  parallel,
  steps,
  writers,
)
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import optimizers as optimizers_lib
from srfeat_jax.training import progress as progress_lib
from srfeat_jax.training import state as state_lib
from srfeat_jax.training import workdir as workdir_lib
from srfeat_jax.weights import fitting, lookup


@dataclasses.dataclass(frozen=True)
class _Run:
  """What a run is made of, apart from its state; nothing of it is written yet.

  Attributes:
    config: see `configs/`.
    workdir: the run's folder.
    is_main_process: whether this process prints and writes the logs.
    update: the compiled training step.
    vgg_variables: what `update` takes apart from state and batch, on all
      devices.
    batches: yields batches on all devices.
    source_identities: of what the crops are cut from.
    validator: evaluates the generator.
  """

  config: Any
  workdir: pathlib.Path
  is_main_process: bool
  update: Callable
  vgg_variables: Any
  batches: Any
  source_identities: Sequence[str]
  validator: validator_lib.Validator


def train_and_evaluate(
  config: ml_collections.ConfigDict,
  workdir: str,
  allow_change: Collection[str] = (),
) -> state_lib.TrainState:
  """Trains until `config.num_steps`, resuming from the newest checkpoint.

  Args:
    config: see `configs/`.
    workdir: the run's folder: checkpoints, `config.json`, `environment.json`,
      `metrics.jsonl`, TensorBoard's events, and at the end
      `generator.safetensors` and `training_curve.png`.
    allow_change: of `workdir.CHANGEABLE`, what may differ from the config that
      the run in the workdir had so far.

  Returns:
    The last state.

  Raises:
    errors.InputError: the config, a file or the workdir does not fit.
    interruption.Stopped: a signal asked for it; the state is saved.
  """
  run, state = _build(config, pathlib.Path(workdir), allow_change)
  with contextlib.ExitStack() as stack:
    if run.is_main_process:
      stack.enter_context(workdir_lib.hold(run.workdir))
    checkpointer = _closed_by(
      stack, checkpoint.Checkpointer(run.workdir, config.keep_checkpoints)
    )
    _closed_by(stack, run.batches)
    state = _restore(run, state, checkpointer, allow_change)
    first_step = int(state.step)
    if first_step > config.num_steps:
      if run.is_main_process:
        print(
          f"already at step {first_step} of {config.num_steps}: nothing to do"
        )
      return state

    if run.is_main_process:
      workdir_lib.record(run.workdir, config.to_dict(), first_step)
    run.batches.load()
    writer = _closed_by(
      stack,
      writers.create(
        run.workdir, first_step=first_step, active=run.is_main_process
      ),
    )
    progress = _closed_by(
      stack,
      progress_lib.Progress(
        first_step,
        config.num_steps,
        config.batch_size,
        shown=run.is_main_process,
      ),
    )
    progress.say(_summary(run, state))
    if first_step == 0:
      with progress.pause():
        _evaluate_start(run, state, writer, progress)
    signals = stack.enter_context(
      interruption.Interruption(checkpointer.asked_to_stop)
    )
    state, stopped = _train(run, state, checkpointer, writer, progress, signals)
    checkpointer.wait()
    if stopped:
      progress.say(str(stopped))
      raise stopped
    if run.is_main_process:
      _export(run, state)
    progress.say(
      f"done: {run.workdir} holds generator.safetensors, training_curve.png and"
      " checkpoints"
    )
  return state


def _closed_by(stack: contextlib.ExitStack, resource: Any) -> Any:
  """Returns the resource, which is closed when the stack is."""
  return stack.enter_context(contextlib.closing(resource))


def _build(
  config: ml_collections.ConfigDict,
  workdir: pathlib.Path,
  allow_change: Collection[str],
) -> tuple[_Run, state_lib.TrainState]:
  """All parts of a run and its state at step 0; nothing is written.

  Raises:
    errors.InputError: see `train_and_evaluate`.
  """
  config_checks.check(config)
  parallel.check_batch_size(config.batch_size)
  networks, vgg_variables = networks_lib.build(config)
  validator = validator_lib.Validator(
    networks.generator, config.data.benchmarks, config.data.sets
  )
  # What a run began with need not be there any more when it resumes, and its
  # images were inspected then.
  begins = not checkpoint.exists(workdir)
  images = training_images.find(config, validator.sets if begins else None)
  mesh = parallel.make_mesh()
  kind = on_device if config.data.on_device else on_host
  crops = steps.num_batches(config) * config.batch_size
  batches = kind.Batches(config, images, mesh, crops)
  replicated = parallel.replicated(mesh)
  optimizers = optimizers_lib.build(config)
  update = jax.jit(
    steps.make_step(config, networks, optimizers),
    in_shardings=(replicated, replicated, parallel.split(mesh)),
    out_shardings=replicated,
    donate_argnums=0,
  )
  workdir_lib.check(workdir, config.to_dict(), allow_change)
  initial_variables = None
  if begins and config.init_from:
    initial_variables = lookup.load_for(networks.generator, config.init_from)
  state = _start(config, networks, optimizers, initial_variables, replicated)
  vgg_variables = jax.device_put(vgg_variables, replicated)
  # Finds what is wrong with a step before anything is written.
  shape = (crops, config.crop_size, config.crop_size, 3)
  jax.eval_shape(
    update, state, vgg_variables, jax.ShapeDtypeStruct(shape, "uint8")
  )
  run = _Run(
    config=config,
    workdir=workdir,
    is_main_process=jax.process_index() == 0,
    update=update,
    vgg_variables=vgg_variables,
    batches=batches,
    source_identities=images.identities,
    validator=validator,
  )
  return run, state


def _start(
  config: ml_collections.ConfigDict,
  networks,
  optimizers,
  initial_variables,
  sharding,
) -> state_lib.TrainState:
  """The state at step 0; of the generator what is not passed is random."""

  def start(initial_variables):
    key = jax.random.key(config.seed)
    variables, discriminators = networks.init(key)
    return state_lib.start(
      fitting.completed(initial_variables or {}, variables),
      optimizers.generator,
      discriminators,
      optimizers.discriminator,
      keep_ema=config.ema_decay > 0,
    )

  return jax.jit(start, out_shardings=sharding)(initial_variables)


def _restore(
  run: _Run,
  state: state_lib.TrainState,
  checkpointer: checkpoint.Checkpointer,
  allow_change: Collection[str],
) -> state_lib.TrainState:
  """The newest checkpoint's state, or if there is none the one at step 0.

  The batches continue where they were: at the next crop, however many a batch
  had before.
  """
  if checkpointer.latest_step() is None:
    return state
  state, data = checkpointer.restore(state, run.config.to_dict(), allow_change)
  run.batches.set_state(data["position"])
  began_with = data["pictures"]  # so named in the checkpoints of all versions
  if began_with != run.source_identities:
    logging.warning(
      "the training images are not those the run began with: %s; they were %s",
      training_images.said(run.source_identities),
      training_images.said(began_with),
    )
  return state


def _evaluate_start(
  run: _Run,
  state: state_lib.TrainState,
  writer,
  progress: progress_lib.Progress,
) -> None:
  """Logs and prints bicubic's scores, and those of weights started from."""
  scores = run.validator.write_baseline(writer)
  if run.config.init_from and run.validator.sets:
    scores |= run.validator.validate(0, state.best_variables, writer)
  if scores:
    progress.show(0, validator_lib.headline(scores))


def _train(
  run: _Run,
  state: state_lib.TrainState,
  checkpointer: checkpoint.Checkpointer,
  writer: writers.Writers,
  progress: progress_lib.Progress,
  signals: interruption.Interruption,
) -> tuple[state_lib.TrainState, interruption.Stopped | None]:
  """The loop: step, log, evaluate, save.

  Returns:
    The state after the last step; and, if a signal ended the loop before
    `config.num_steps`, what to raise.
  """
  config = run.config
  averages = log_averages.LogAverages()
  previous = None
  for step in range(int(state.step) + 1, config.num_steps + 1):
    with progress.waiting_for_data():
      batch = next(run.batches)
    state, scalars = run.update(state, run.vgg_variables, batch)
    averages.append(step, scalars)
    jax.block_until_ready(previous)  # at most one step ahead of the device
    previous = scalars
    progress.advance()

    status = signals.status_after(step)
    ends = step == config.num_steps
    last = ends or status is not None
    if last or step % config.log_every == 0:
      means = averages.flush()
      writer.write_scalars(step, means | progress.report(step, means))
    with progress.pause():
      if run.validator.sets and (ends or step % config.eval_every == 0):
        scores = run.validator.validate(step, state.best_variables, writer)
        progress.show(step, validator_lib.headline(scores))
      if last or step % config.checkpoint_every == 0:
        averages.check()  # a bad state must not replace a good one
        data = {
          "position": run.batches.get_state(),
          "pictures": run.source_identities,
        }
        checkpointer.save(step, state, data, config.to_dict())
    if status is not None and not ends:
      return state, interruption.Stopped(step, status)
  return state, None


def _summary(run: _Run, state: state_lib.TrainState) -> str:
  count = sum(x.size for x in jax.tree.leaves(state.generator.params))
  return (
    f"{run.config.generator.architecture}, {count:,} parameters, on"
    f" {jax.device_count()} x {jax.devices()[0].device_kind};"
    f" step {int(state.step)} of {run.config.num_steps}, in {run.workdir}"
  )


def _export(run: _Run, state: state_lib.TrainState) -> None:
  """Writes the weights in a file of their own, and the training curve."""
  variables = jax.tree.map(
    lambda x: x.addressable_data(0), state.best_variables
  )
  path = run.workdir / "generator.safetensors"
  safetensors_file.save(path, run.config.generator.to_dict(), variables)
  plots.training_curve(
    run.workdir / "metrics.jsonl", run.workdir / "training_curve.png"
  )
