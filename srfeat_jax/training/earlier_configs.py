"""Configs of earlier versions: fields that were renamed, or were not there.

On a command line and in a config's file an old name is refused with a sentence
that says the new one. In the workdir of an earlier run it is read as the new
one, and a field that was not there has the value that changes nothing, so that
the run can be resumed.
"""

import re
from collections.abc import Mapping
from typing import Any

from srfeat_jax import errors

_NEW_NAMES = {"losses.pattern_weight": "losses.checkerboard_weight"}

# Fields, or groups of them, that came later: what of the present config shows
# that they do what was done before.
_ADDED = {
  "dtype": ("dtype", ""),
  "teacher": ("teacher", ""),
  "teacher_share": ("teacher", ""),
  # Of no effect on what a run computes.
  **{
    field: ("validation.best_metric", "")
    for field in ("validation", "keep_every", "profile_steps")
  },
  "validation.snapshots": ("validation.best_metric", ""),
  "init_discriminators_from": ("init_discriminators_from", ""),
  "accumulation_steps": ("accumulation_steps", 1),
  "fsdp": ("fsdp", 0),
  "schedule_in": ("schedule_in", "steps"),
  "learning_rate_rule": ("learning_rate_rule", "none"),
  "batch_statistics": ("batch_statistics", "global"),
  "matmul_precision": ("matmul_precision", ""),
  **{
    f"{owner}.{field}": (f"{owner}.{field}", neutral)
    for owner in ("optimizer", "discriminator_optimizer")
    for field, neutral in (("kind", "adam"), ("weight_decay", 0.0))
  },
  "degradation": ("degradation.kind", "bicubic"),
  "generator.blur_after_shuffle": ("generator.blur_after_shuffle", False),
  "generator.upsampler": ("generator.upsampler", "shuffle"),
  "generator.icnr": ("generator.icnr", False),
  "losses.phase_weight": ("losses.phase_weight", 0.0),
  "losses.penalty_every": ("losses.r1_weight", 0.0),
  "discriminator_steps": ("discriminator_steps", 1),
  "generator.after_trunk": ("generator.after_trunk", "batch_norm"),
  "losses.relativistic_detach": ("losses.relativistic_detach", True),
  "data.check": ("data.check", True),
  "data.crops_per_image": ("data.crops_per_image", 1),
  "data.on_device": ("data.on_device", False),
  "data.max_damaged": ("data.max_damaged", 0.01),
  "learning_rate.warmup": ("learning_rate.warmup", 0.0),
  "discriminator_learning_rate.warmup": (
    "discriminator_learning_rate.warmup",
    0.0,
  ),
  **{
    f"discriminators.{role}.{field}": (
      f"discriminators.{role}.{field}",
      neutral,
    )
    for role in ("image", "feature")
    for field, neutral in (("logits", "image"), ("spectral_norm", False))
  },
  "learning_rate.cycles": ("learning_rate.cycles", 1),
  "discriminator_learning_rate.cycles": (
    "discriminator_learning_rate.cycles",
    1,
  ),
  # How a network started is of no effect on what has been trained.
  **{
    f"discriminators.{name}.dense_initializer": (
      f"discriminators.{name}.architecture",
      "srgan",
    )
    for name in ("image", "feature")
  },
  # Of the schedule that the run does not have.
  **{
    f"{owner}.{field}": (f"{owner}.schedule", schedule)
    for owner in ("learning_rate", "discriminator_learning_rate")
    for field, schedule in (
      ("final", "piecewise"),
      ("until", "piecewise"),
      ("boundaries", "cosine"),
      ("factors", "cosine"),
    )
  },
}


def sentence(field: str) -> str:
  """What a field is called now, "" if it never had another name.

  Args:
    field: without "config.", its parts separated by dots.
  """
  if field not in _NEW_NAMES:
    return ""
  return f"config.{field} is now called config.{_NEW_NAMES[field]}"


def sentences(config: Mapping[str, Any]) -> list[str]:
  """A sentence for each old name in a config."""
  return [sentence(field) for field in _NEW_NAMES if _has(config, field)]


def check(config: Mapping[str, Any]) -> None:
  """Refuses old names.

  Args:
    config: of a run, see `configs/`.

  Raises:
    errors.InputError: it has a field by its old name.
  """
  found = sentences(config)
  if found:
    raise errors.InputError("; ".join(found))


def updated(config: Mapping[str, Any]) -> dict[str, Any]:
  """A copy of an earlier run's config with the new names.

  Args:
    config: JSON-able, as `workdir.read_config` or a checkpoint has it.
  """
  config = dict(config)
  for old, new in _NEW_NAMES.items():
    if _has(config, old):
      owner, name = old.split(".")
      fields = dict(config[owner])
      fields[new.split(".")[1]] = fields.pop(name)
      config[owner] = fields
  return config


def completed(
  config: Mapping[str, Any], present: Mapping[str, Any]
) -> dict[str, Any]:
  """A copy of an earlier run's config with the fields that came later.

  They are added where the present config's values mean what was done before;
  so those of a loss that came later, where its weight is 0.

  Args:
    config: flat, JSON-able, its keys the parts of a field with dots between.
    present: that of the run that is to resume, likewise.
  """
  config = dict(config)
  for added, (field, neutral) in _ADDED.items():
    later = {
      name: value
      for name, value in present.items()
      if name == added or name.startswith(f"{added}.")
    }
    if present.get(field) == neutral and not later.keys() & config.keys():
      config |= later
  for field in present.keys() - config.keys():
    loss = re.fullmatch(r"(losses\.\w+)_weight", field)
    if loss and not present[field]:
      # A loss without weight, with its other fields.
      config |= {
        name: value
        for name, value in present.items()
        if name not in config
        and (name == loss[1] or name.startswith(f"{loss[1]}_"))
      }
  return config


def _has(config: Mapping[str, Any], field: str) -> bool:
  owner, name = field.split(".")
  if owner not in config:
    return False
  fields = config[owner]
  return hasattr(fields, "keys") and name in fields
