"""A training run from its config to its weights, restartable at any point."""

import contextlib
from collections.abc import Collection
from typing import Any

import jax
import ml_collections
from absl import logging

from srfeat_jax import places
from srfeat_jax.configs import images_seen
from srfeat_jax.evaluation import plots
from srfeat_jax.evaluation import validator as validator_lib
from srfeat_jax.interchange.containers import safetensors_file
from srfeat_jax.ops import xla_flags
from srfeat_jax.run import parts, resumption, shared_settings
from srfeat_jax.training import (
  checkpoint,
  compute_precision,
  discriminator_watch,
  interruption,
  log_averages,
  parallel,
  process_log,
  profiling,
  retention,
  writers,
)
from srfeat_jax.training import progress as progress_lib
from srfeat_jax.training import state as state_lib
from srfeat_jax.training import workdir as workdir_lib


def train_and_evaluate(
  config: ml_collections.ConfigDict,
  workdir: str,
  allow_change: Collection[str] = (),
) -> state_lib.TrainState:
  """Trains for `config.num_steps`, resuming from the newest checkpoint.

  Args:
    config: see `configs/`.
    workdir: the run's folder: checkpoints, `config.json`, `environment.json`,
      `metrics.jsonl`, TensorBoard's events, `snapshots/`, after the best
      validation `best_generator.safetensors`, and at the end
      `generator.safetensors` and `training_curve.png`.
    allow_change: of `workdir.CHANGEABLE`, what may differ from the config that
      the run in the workdir had so far.

  Returns:
    The last state.

  Raises:
    errors.InputError: the config, a file or the workdir does not fit.
    interruption.Stopped: a signal asked for it; the state is saved.
  """
  xla_flags.choose()  # for who calls this, and not a program
  with contextlib.ExitStack() as stack:
    write_log_to = stack.enter_context(process_log.kept())
    shared_settings.check(config)
    config = compute_precision.with_dtype(config)
    run, state = parts.build(config, places.path(workdir), allow_change)
    if run.is_main_process:
      stack.enter_context(workdir_lib.hold(run.workdir))
    checkpointer = _closed_by(
      stack,
      checkpoint.Checkpointer(
        run.workdir, config.keep_checkpoints, config.keep_every
      ),
    )
    _closed_by(stack, run.batches)
    run, state, validation_due = resumption.restore(
      run, state, checkpointer, allow_change
    )
    first_step = int(state.step)
    if first_step > run.last_step:
      if run.is_main_process:
        print(f"already at step {first_step} of {run.last_step}: nothing to do")
      return state

    if run.is_main_process:
      workdir_lib.record(
        run.workdir,
        config.to_dict(),
        first_step,
        compute_precision.record(config) | run.validator.record(),
      )
    write_log_to(run.workdir)
    run.batches.load()
    writer = _closed_by(
      stack,
      writers.create(
        run.workdir,
        first_step=first_step,
        active=run.is_main_process,
        validates=validation_due,
      ),
    )
    progress = _closed_by(
      stack,
      progress_lib.Progress(
        first_step,
        run.last_step,
        config.batch_size,
        shown=run.is_main_process,
      ),
    )
    progress.say(parts.summary(run, state))
    progress.say(images_seen.sentence(config))
    if first_step == 0:
      with progress.pause():
        _evaluate_start(run, state, writer, progress)
    signals = stack.enter_context(
      interruption.Interruption(checkpointer.asked_to_stop)
    )
    stopped = None
    if validation_due and run.validator.sets:
      stopped = _make_up(run, state, writer, progress, signals)
    if not stopped:
      state, stopped = _train(
        run, state, checkpointer, writer, progress, signals
      )
    checkpointer.wait()
    if stopped:
      progress.say(str(stopped))
      raise stopped
    _export(run, state)
    progress.say(
      f"done: {run.workdir} holds generator.safetensors, training_curve.png and"
      " checkpoints"
    )
  return state


def _closed_by(stack: contextlib.ExitStack, resource: Any) -> Any:
  """Returns the resource, which is closed when the stack is."""
  return stack.enter_context(contextlib.closing(resource))


def _evaluate_start(
  run: parts.Run,
  state: state_lib.TrainState,
  writer,
  progress: progress_lib.Progress,
) -> None:
  """Logs and prints bicubic's scores, and those of weights started from."""
  scores = run.validator.write_baseline(writer)
  if run.config.init_from and run.validator.sets:
    variables = parallel.gathered(state.best_variables)
    scores |= run.validator.validate(0, variables, writer)
  if scores:
    progress.show(0, run.validator.headline(scores))


def _make_up(
  run: parts.Run,
  state: state_lib.TrainState,
  writer: writers.Writers,
  progress: progress_lib.Progress,
  signals: interruption.Interruption,
) -> interruption.Stopped | None:
  """Does the validation that a signal did not leave the time for.

  Returns:
    What to raise if a signal came again.
  """
  step = int(state.step)
  try:
    with progress.pause():
      if _validate(run, step, state, writer, progress, signals):
        _save_best(run, state, progress)
  except validator_lib.AbandonedError:
    return interruption.Stopped(step, signals.status_after(step) or 1)
  return None


def _validate(
  run: parts.Run,
  step: int,
  state: state_lib.TrainState,
  writer: writers.Writers,
  progress: progress_lib.Progress,
  signals: interruption.Interruption,
) -> bool:
  """Validates; whether the state is the best so far.

  Raises:
    validator_lib.AbandonedError: a signal came.
  """
  variables = parallel.gathered(state.best_variables)
  scores = run.validator.validate(
    step, variables, writer, lambda: signals.is_urgent
  )
  progress.show(step, run.validator.headline(scores))
  return run.best.update(step, scores)


def _save_best(
  run: parts.Run, state: state_lib.TrainState, progress: progress_lib.Progress
) -> None:
  """All processes must call this."""
  _save_generator(run, state, "best_generator.safetensors")
  if run.is_main_process:
    progress.say(f"best so far, by {run.best}: best_generator.safetensors")


def _train(
  run: parts.Run,
  state: state_lib.TrainState,
  checkpointer: checkpoint.Checkpointer,
  writer: writers.Writers,
  progress: progress_lib.Progress,
  signals: interruption.Interruption,
) -> tuple[state_lib.TrainState, interruption.Stopped | None]:
  """The loop: step, log, evaluate, save.

  Returns:
    The state after the last step; and, if a signal ended the loop before
    `run.last_step`, what to raise.
  """
  config = run.config
  averages = log_averages.LogAverages()
  watch = discriminator_watch.DiscriminatorWatch(config.losses.adversarial)
  profiler = profiling.Profiler(
    config.profile_steps, run.workdir, active=run.is_main_process
  )
  intervals = config.checkpoint_every, config.keep_every
  previous = None
  for step in range(int(state.step) + 1, run.last_step + 1):
    profiler.begin(step, previous)
    with progress.waiting_for_data():
      batch = next(run.batches)
    state, scalars = run.update(
      state, run.vgg_variables, batch, run.teacher_variables
    )
    averages.append(step, scalars)
    jax.block_until_ready(previous)  # at most one step ahead of the device
    previous = scalars
    progress.advance()
    if written := profiler.end(step, scalars):
      progress.say(written)

    status = signals.status_after(step)
    ends = step == run.last_step
    last = ends or status is not None
    if last or step % config.log_every == 0:
      num_steps, means = len(averages), averages.flush()
      writer.write_scalars(step, means | progress.report(step, means))
      if run.is_main_process:
        for sentence in watch.sentences(num_steps, means):
          logging.warning("%s", sentence)
    with progress.pause():
      is_best = False
      due = bool(run.validator.sets) and (ends or step % config.eval_every == 0)
      if due:
        averages.check()  # a bad state must not replace a good one
        try:
          is_best = _validate(run, step, state, writer, progress, signals)
          due = False
        except validator_lib.AbandonedError:
          status, last = signals.status_after(step), True
      if last or is_best or retention.is_due(step, intervals):
        averages.check()
        writer.flush()  # what a checkpoint comes after is in the logs
        data = resumption.record(run, validation_due=due)
        checkpointer.save(step, state, data, config.to_dict(), run.best.step)
      if is_best:
        _save_best(run, state, progress)
    if status is not None and (due or not ends):
      profiler.close()
      return state, interruption.Stopped(step, status)
  profiler.close()
  return state, None


def _export(run: parts.Run, state: state_lib.TrainState) -> None:
  """Writes the weights in a file of their own, and the training curve."""
  _save_generator(run, state, "generator.safetensors")
  if run.is_main_process:
    plots.training_curve(
      run.workdir / "metrics.jsonl", run.workdir / "training_curve.png"
    )


def _save_generator(
  run: parts.Run, state: state_lib.TrainState, name: str
) -> None:
  """Writes the weights that are evaluated in a file of the workdir.

  All processes must call this, and one of them writes.
  """
  variables = parallel.gathered(state.best_variables)
  if run.is_main_process:
    safetensors_file.save(
      run.workdir / name,
      run.config.generator.to_dict(),
      jax.tree.map(lambda x: x.addressable_data(0), variables),
    )
