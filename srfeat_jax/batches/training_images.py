"""The images that a run is trained on, found and checked."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import jax
import ml_collections
from absl import logging

from srfeat_jax import errors, models
from srfeat_jax.data import benchmarks, inspection, sources, threads
from srfeat_jax.evaluation import pair_report
from srfeat_jax.training import agreement


@dataclasses.dataclass(frozen=True)
class TrainingImages:
  """What crops are drawn from.

  Attributes:
    sources: see `data.sources`.
    weights: how often each is drawn from; they sum to 1.
  """

  sources: Sequence[sources.Cached]
  weights: list[float]

  @property
  def identities(self) -> list[str]:
    """Of the sources."""
    return [source.identity for source in self.sources]


def find(
  config: ml_collections.ConfigDict,
  benchmark_sets: Sequence[benchmarks.BenchmarkSet] | None = None,
) -> TrainingImages:
  """The images that `config.data.train` names; all processes see the same.

  Args:
    config: of the run; read are `data`, `crop_size`, `generator`,
      `degradation`, `teacher` and `teacher_share`.
    benchmark_sets: what nothing should be trained on; None inspects no image.

  Raises:
    errors.InputError: a folder is missing or holds nothing to train on, too
      many files are damaged, processes see different ones, or there are two
      teachers, or none that a share is to be of.
  """
  scale = models.build(config.generator).scale
  num_workers = threads.workers(config.data.num_workers)

  def find_here() -> TrainingImages:
    found = sources.create(
      config.data.train,
      config.crop_size,
      config.data.cache_gib * 2**30 / max(1, num_workers),
      scale,
    )
    if config.teacher and any(source.has_teacher for source in found[0]):
      raise errors.InputError(
        f"config.teacher is {config.teacher}, and config.data.train has a"
        " teacher's output of its own: set config.teacher to nothing, or name"
        " images without teacher=FOLDER"
      )
    has_teacher = config.teacher or any(x.has_teacher for x in found[0])
    if config.teacher_share != 1 and not has_teacher:
      raise errors.InputError(
        f"config.teacher_share is {config.teacher_share}, and there is no"
        " teacher: name weights in config.teacher or images with"
        " teacher=FOLDER, or set config.teacher_share=1"
      )
    is_main_process = jax.process_index() == 0
    if benchmark_sets is not None and config.data.check and is_main_process:
      _inspect(config, found[0], benchmark_sets)
    return TrainingImages(*found)

  images = agreement.same(
    find_here,
    lambda images: said(
      [
        f"{each.identity}, {each.mean_bytes:.0f} bytes each"
        for each in images.sources
      ]
    ),
  )
  _tell_of_lr(config, images.sources, scale)
  return images


def said(identities: Sequence[str]) -> str:
  """Identities of sources for a message; checkpoints keep "pictures"."""
  return "; ".join(each.replace(" pictures", " images") for each in identities)


def _tell_of_lr(
  config: ml_collections.ConfigDict, train_sources: Sequence[Any], scale: int
) -> None:
  """Says what the LR images of pairs look like, and where LR is just HR."""
  have_pairs = [source for source in train_sources if source.pair_scale]
  if jax.process_index() == 0:
    for source in have_pairs:
      print(pair_report.sentence(source, scale))
  others = len(have_pairs) < len(train_sources)
  if config.degradation.kind != "bicubic" and not others:
    logging.warning(
      "config.degradation.kind is %s, without effect, because all training"
      " images have an LR image of their own",
      config.degradation.kind,
    )
  if scale == 1 and config.degradation.kind == "bicubic" and others:
    logging.warning(
      "config.generator.scale is 1 and config.degradation.kind bicubic: LR is"
      " HR itself, and all that can be learned is to return it; choose another"
      " degradation, such as photo, or train on pairs, hr=FOLDER,lr=FOLDER"
    )


def _inspect(
  config: ml_collections.ConfigDict,
  train_sources: Sequence[Any],
  benchmark_sets: Sequence[benchmarks.BenchmarkSet],
) -> None:
  """Logs what is wrong with the training images.

  Raises:
    errors.InputError: more of them are damaged than `config.data.max_damaged`.
  """
  locations = {source.location for source in train_sources} - {""}
  if not locations:
    return
  known = inspection.known_images(benchmark_sets)
  for location in sorted(locations):
    findings = inspection.inspect(location, config.crop_size, known)
    # Small ones have been logged.
    inspection.report(dataclasses.replace(findings, too_small=()))
    findings.check_damage(
      config.data.max_damaged, "allow more by config.data.max_damaged"
    )
