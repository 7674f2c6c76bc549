"""A training run from its config to its weights, restartable at any point."""

import contextlib
import dataclasses
import pathlib
from collections.abc import Callable, Collection, Sequence
from typing import Any

import jax
import ml_collections
from absl import logging
from flax import traverse_util

from srfeat_jax import places
from srfeat_jax.batches import on_device, on_host, training_images
from srfeat_jax.configs import images_seen
from srfeat_jax.data import pipeline
from srfeat_jax.evaluation import lpips as lpips_lib
from srfeat_jax.evaluation import plots, snapshots
from srfeat_jax.evaluation import validator as validator_lib
from srfeat_jax.interchange import lpips_file
from srfeat_jax.interchange.containers import safetensors_file
from srfeat_jax.training import (
  agreement,
  checkpoint,
  compute_precision,
  config_checks,
  discriminator_watch,
  interruption,
  log_averages,
  microbatches,
  parallel,
  process_log,
  profiling,
  retention,
  steps,
  writers,
)
from srfeat_jax.training import best as best_lib
from srfeat_jax.training import networks as networks_lib
from srfeat_jax.training import optimizers as optimizers_lib
from srfeat_jax.training import progress as progress_lib
from srfeat_jax.training import state as state_lib
from srfeat_jax.training import workdir as workdir_lib
from srfeat_jax.weights import starts, teachers

# Fields that may differ between the machines of a run: where files are, whose
# contents are compared, and how they are read.
_OF_A_MACHINE = {
  "data.train",
  "data.benchmarks",
  "data.num_workers",
  "data.cache_gib",
  "init_from",
  "init_discriminators_from",
  "teacher",
  "vgg_weights",
  "validation.lpips_weights",
  "validation.metrics",
}


@dataclasses.dataclass(frozen=True)
class _Run:
  """What a run is made of, apart from its state; nothing of it is written yet.

  Attributes:
    config: see `configs/`.
    workdir: the run's folder.
    is_main_process: whether this process prints and writes the logs.
    make_update: makes the compiled training step, whose schedules are ahead of
      its own by a number of steps, see `optimizers.build`.
    update: that which is used.
    last_step: the step that it ends with: `config.num_steps`, unless an earlier
      part had batches of another size, see `_with_images_seen`.
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
  with contextlib.ExitStack() as stack:
    write_log_to = stack.enter_context(process_log.kept())
    agreement.same(
      lambda: config_checks.check(config),
      lambda _: _said(config),
      "settings or versions",
    )
    config = compute_precision.with_dtype(config)
    run, state = _build(config, places.path(workdir), allow_change)
    if run.is_main_process:
      stack.enter_context(workdir_lib.hold(run.workdir))
    checkpointer = _closed_by(
      stack,
      checkpoint.Checkpointer(
        run.workdir, config.keep_checkpoints, config.keep_every
      ),
    )
    _closed_by(stack, run.batches)
    run, state, validation_due = _restore(
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
        run.workdir, first_step=first_step, active=run.is_main_process
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
    progress.say(_summary(run, state))
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


def _said(config: ml_collections.ConfigDict) -> str:
  """What all processes of a run must have in common, for a message."""
  fields = traverse_util.flatten_dict(config.to_dict(), sep=".")
  common = {
    name: value for name, value in fields.items() if name not in _OF_A_MACHINE
  }
  versions = " ".join(workdir_lib.versions())
  return f"config {agreement.fingerprint(common)}, {versions}"


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
  step = steps.make_step(config, networks, optimizers, mesh)
  workdir_lib.check(workdir, config.to_dict(), allow_change)
  # What a run began with need not be there any more when it resumes, and its
  # images were inspected then.
  begins = not checkpoint.exists(workdir)
  state = starts.make(config, networks, optimizers, mesh, begins=begins)
  shardings = jax.tree.map(lambda x: x.sharding, state)
  update = parallel.jit_step(step, mesh, shardings)

  def make_update(ahead: int) -> Callable:
    shifted = optimizers_lib.build(config, ahead)
    step = steps.make_step(config, networks, shifted, mesh)
    return parallel.jit_step(step, mesh, shardings)

  vgg_variables, teacher_variables = jax.device_put(
    (vgg_variables, teacher_variables), parallel.replicated(mesh)
  )
  # Finds what is wrong with a step before anything is written, and before
  # images are looked at, which may take long.
  crops = steps.num_batches(config) * config.batch_size
  shape = (crops, config.crop_size, config.crop_size, 3)
  jax.eval_shape(
    update,
    state,
    vgg_variables,
    jax.ShapeDtypeStruct(shape, "uint8"),
    teacher_variables,
  )
  images = training_images.find(config, validator.sets if begins else None)
  kind = on_device if config.data.on_device else on_host
  run = _Run(
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


def _restore(
  run: _Run,
  state: state_lib.TrainState,
  checkpointer: checkpoint.Checkpointer,
  allow_change: Collection[str],
) -> tuple[_Run, state_lib.TrainState, bool]:
  """The newest checkpoint's state, or if there is none the one at step 0.

  The batches continue where they were: at the next crop, however many a batch
  had before.

  Returns:
    The run as it goes on, the state, and whether it is still to be validated.
  """
  if checkpointer.latest_step() is None:
    return run, state, False
  state, data = checkpointer.restore(state, run.config.to_dict(), allow_change)
  run.batches.set_state(data["position"])
  if "best" in data:  # not in checkpoints of earlier versions
    run.best.set_state(data["best"])
  began_with = data["pictures"]  # so named in the checkpoints of all versions
  if began_with != run.source_identities:
    logging.warning(
      "the training images are not those the run began with: %s; they were %s",
      training_images.said(run.source_identities),
      training_images.said(began_with),
    )
  seen = pipeline.crops_before(data["position"])
  run = _with_images_seen(run, int(state.step), seen)
  return run, state, bool(data.get("validation_due"))


def _with_images_seen(run: _Run, step: int, seen: int) -> _Run:
  """The run that ends after `num_steps * batch_size` images, seen ones too.

  Where earlier batches had another size, the schedules go on as after as many
  steps of the present size as see what has been seen. Steps are counted on.
  """
  config = run.config
  in_present_steps = seen // (steps.num_batches(config) * config.batch_size)
  ahead = in_present_steps - step
  if not ahead or config.schedule_in == "steps":
    return run
  last_step = config.num_steps - ahead
  if run.is_main_process:
    logging.warning(
      "after %d steps the run has seen what %d of %d images do: it ends at step"
      " %d, and learning rates go on from there",
      *(step, in_present_steps, config.batch_size, last_step),
    )
  snapshot_steps = run.validator.snapshots.steps
  run.validator.snapshots.steps = frozenset(n - ahead for n in snapshot_steps)
  update = run.make_update(ahead)
  return dataclasses.replace(run, update=update, last_step=last_step)


def _evaluate_start(
  run: _Run,
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
  run: _Run,
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
  run: _Run,
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
  run: _Run, state: state_lib.TrainState, progress: progress_lib.Progress
) -> None:
  """All processes must call this."""
  _save_generator(run, state, "best_generator.safetensors")
  if run.is_main_process:
    progress.say(f"best so far, by {run.best}: best_generator.safetensors")


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
        data = {
          "position": run.batches.get_state(),
          "pictures": run.source_identities,
          "best": run.best.get_state(),
          "validation_due": due,
        }
        checkpointer.save(step, state, data, config.to_dict(), run.best.step)
      if is_best:
        _save_best(run, state, progress)
    if status is not None and (due or not ends):
      profiler.close()
      return state, interruption.Stopped(step, status)
  profiler.close()
  return state, None


def _summary(run: _Run, state: state_lib.TrainState) -> str:
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


def _export(run: _Run, state: state_lib.TrainState) -> None:
  """Writes the weights in a file of their own, and the training curve."""
  _save_generator(run, state, "generator.safetensors")
  if run.is_main_process:
    plots.training_curve(
      run.workdir / "metrics.jsonl", run.workdir / "training_curve.png"
    )


def _save_generator(run: _Run, state: state_lib.TrainState, name: str) -> None:
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
