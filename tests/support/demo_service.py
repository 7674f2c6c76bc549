"""A service of the page, with small weights."""

import jax
import numpy as np

from srfeat_jax.demo import limits, menu
from srfeat_jax.demo import service as service_lib
from srfeat_jax.interchange.containers import safetensors_file
from srfeat_jax.weights import lookup
from tests.support import programs


class ServiceTestCase(programs.ProgramTestCase):
  def setUp(self):
    super().setUp()
    self.small = str(self.weights())
    self.results = self.folder / "results"
    self.results.mkdir()

  def service(self, *weights, **allowed) -> service_lib.Service:
    return service_lib.Service(
      menu.Menu(weights or [self.small]), limits.Limits(**allowed), self.results
    )

  def variant(self, factor: float) -> str:
    """Other weights of the same architecture as `small`."""
    loaded = lookup.load(self.small)
    path = self.folder / f"times_{factor}.safetensors"
    variables = jax.tree.map(
      lambda array: factor * np.asarray(array), loaded.variables
    )
    safetensors_file.save(path, loaded.generator, variables)
    return str(path)
