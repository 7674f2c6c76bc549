"""A small SRFeat and variables of it."""

import pathlib

import jax
import numpy as np
import optax

from srfeat_jax import models
from srfeat_jax.training import checkpoint, parallel, state, workdir

GENERATOR = {
  "architecture": "srfeat",
  "features": 4,
  "num_blocks": 2,
  "batch_norm": True,
}


def initialized(config) -> dict:
  """Variables of a generator, none of them 0."""
  shapes = models.shapes(models.build(config))
  rng = np.random.default_rng(0)
  return jax.tree.map(
    lambda x: rng.normal(size=x.shape).astype(np.float32), shapes
  )


def assert_equal(ours, theirs):
  assert jax.tree.structure(ours) == jax.tree.structure(theirs)
  jax.tree.map(np.testing.assert_array_equal, ours, theirs)


def save_run(
  folder: pathlib.Path, config: dict, variables: dict, *, keep_ema: bool
) -> dict:
  """Makes a folder the workdir of a run; returns its average."""
  workdir.record(folder, {"generator": config})
  start = state.start(
    variables, optax.adam(1e-3), {}, optax.adam(1e-3), keep_ema=keep_ema
  )
  if keep_ema:
    start = start.replace(ema=jax.tree.map(lambda x: 2 * x, start.ema))
  replicated = parallel.replicated(parallel.make_mesh())
  checkpointer = checkpoint.Checkpointer(folder, keep=2)
  for step in (4, 5):
    checkpointer.save(
      step, jax.device_put(start, replicated), {}, {"generator": config}
    )
  checkpointer.close()
  return start.best_variables
