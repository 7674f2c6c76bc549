"""The report as one HTML file that needs no other file and no network."""

import base64
import dataclasses
import datetime
import hashlib
import pathlib
from collections.abc import Sequence

import jinja2

from srfeat_jax.reporting import (
  charts,
  curves,
  embedding,
  figures,
  tables,
  tradeoff,
)
from srfeat_jax.reporting import sources as sources_lib

_TEMPLATE = pathlib.Path(__file__).parent / "template"


@dataclasses.dataclass(frozen=True)
class Page:
  """What was made.

  Attributes:
    html: the text of the file.
    remarks: sentences about what it holds and what was left out.
  """

  html: str
  remarks: Sequence[str]


def make(
  sources: sources_lib.Sources, metric: str, images: figures.Figures
) -> Page:
  """Puts everything on a page. All text is escaped.

  Args:
    sources: runs, results and sweeps.
    metric: the score to compare by, see `evaluation.runs`.
    images: what is shown of images.
  """
  script = (_TEMPLATE / "script.js").read_text()
  digest = base64.b64encode(hashlib.sha256(script.encode()).digest()).decode()
  remarks = [*sources.remarks, *images.remarks]
  if sources.left_out:
    remarks.append(
      "left out, as they have no config.json, results.json or sweep.json:"
      f" {', '.join(sources.left_out)}"
    )
  environment = jinja2.Environment(
    loader=jinja2.FileSystemLoader(_TEMPLATE),
    autoescape=True,
    trim_blocks=True,
    lstrip_blocks=True,
    undefined=jinja2.StrictUndefined,
  )
  html = environment.get_template("page.html").render(
    made=datetime.datetime.now().strftime("%Y-%m-%d %H:%M"),
    style=(_TEMPLATE / "style.css").read_text(),
    script=script,
    script_digest=digest,
    sources=sources,
    metric=metric,
    area=charts,
    runs_table=tables.of_runs(sources, metric),
    results_tables=tables.of_results(sources.results, metric),
    groups=curves.groups(sources.runs, sources.titles, metric),
    legend=[
      (i % charts.COLORS, i, sources.titles[run.name])
      for i, run in enumerate(sources.runs)
      if run.curves
    ],
    images=images,
    planes=tradeoff.planes(sources, sources.titles),
    settings=tables.of_settings(sources.runs),
    changes=tables.of_changes(sources),
    hardware=tables.of_hardware(sources),
    throughput=tables.of_throughput(sources),
    commands=tables.commands(sources),
    remarks=remarks,
    address=embedding.address,
  )
  return Page(html, remarks)
