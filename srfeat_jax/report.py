"""Reports on training runs, finished or not, and on evaluations: an HTML file.

  python -m srfeat_jax.report runs/* results --output=report.html

Names workdirs of runs, and folders that `evaluate` and `sweep` wrote. Prints a
table with a row for each run: the config fields in which they differ, the last
and the best score on each validation set, and the time. The file has that, and
all curves, images to compare, feature maps, settings and hardware; it needs no
other file and no network.
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from srfeat_jax import atomic, cli, errors, places

_OUTPUT = flags.DEFINE_string(
  "output", "report.html", "the file to write", short_name="o"
)
_METRIC = flags.DEFINE_string(
  "metric",
  "psnr_y",
  "score to compare by: psnr_y, ssim_y, psnr_rgb, checkerboard, or any other"
  " that the runs have logged as eval/SET/METRIC; without runs, one that"
  " `evaluate` has measured",
)
_BENCHMARKS = flags.DEFINE_string(
  "benchmarks",
  None,
  "folder of the benchmark sets that `evaluate` was given: the targets of the"
  " images that it saved; by default that of the first run whose is there",
)
_VGG_WEIGHTS = flags.DEFINE_string(
  "vgg_weights",
  None,
  "file of VGG-19, converted or as published: show feature maps",
)
_IMAGES = flags.DEFINE_integer(
  "images",
  10,
  "the most images to compare by sliders: the worst and the best ones",
  lower_bound=1,
)
_EXTENSIONS = (".html", ".htm")


def main(argv: Sequence[str]) -> None:
  """Reports as the flags say."""
  if len(argv) < 2:
    raise errors.InputError(
      "name the workdirs of runs, such as runs/*, or folders of results"
    )
  places.refuse("--output", _OUTPUT.value)
  output = pathlib.Path(_OUTPUT.value)
  if output.suffix.lower() not in _EXTENSIONS or output.is_dir():
    raise errors.InputError(
      f"--output={output}: the report is one HTML file: give it a name that"
      " ends in .html"
    )
  from srfeat_jax.evaluation import runs as runs_lib
  from srfeat_jax.reporting import figures, page
  from srfeat_jax.reporting import sources as sources_lib

  sources = sources_lib.load(
    [places.fetched(each, sources_lib.is_needed) for each in argv[1:]]
  )
  _check_metric(sources, runs_lib)
  benchmarks = figures.benchmarks_of(sources, _BENCHMARKS.value)
  images = figures.make(sources, benchmarks, _VGG_WEIGHTS.value, _IMAGES.value)
  made = page.make(sources, _METRIC.value, images)
  output.parent.mkdir(parents=True, exist_ok=True)
  data = made.html.encode()
  atomic.replace(output, data)
  if sources.runs:
    print(runs_lib.table(sources.runs, _METRIC.value))
  if len(runs_lib.differing(sources.runs)) > runs_lib.MOST_COLUMNS:
    print("\nthe runs differ in many settings: the report has a table of them")
  for remark in made.remarks:
    print(f"\n{remark}")
  print(f"\n{output}: {len(data) / 1e6:.1f} MB, open it in a browser")


def _check_metric(sources, runs_lib) -> None:
  """Refuses a metric that the runs have not logged.

  Where none has logged a score, it may be one of the evaluations.
  """
  if flags.FLAGS["metric"].using_default_value:
    return
  known = {
    name.rpartition("/")[2]
    for run in sources.runs
    for name in run.curves
    if name.startswith("eval/") and not name.endswith(runs_lib.BICUBIC)
  }
  where = "what the runs have logged"
  if not known:
    where = "what was measured"
    known = {
      metric
      for result in sources.results
      for sets in result.methods.values()
      for scores in sets.values()
      for metric in scores.keys() - {"images"}
    }
  if _METRIC.value not in known:
    raise errors.InputError(
      f"--metric={_METRIC.value} is not among {where}:"
      f" {', '.join(sorted(known)) or 'no scores; set config.data.benchmarks'}"
    )


if __name__ == "__main__":
  cli.run(main)
