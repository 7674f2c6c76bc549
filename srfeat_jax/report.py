"""Compares training runs, finished or not, in one table and one plot.

  python -m srfeat_jax.report runs/* --output=report

Prints a table with a row for each run: the config fields in which they differ,
the last and the best score on each validation set, and the time. OUTPUT gets it
as `report.md`, next to the curves in `report.png`.
"""

import pathlib
from collections.abc import Sequence

from absl import flags

from srfeat_jax import atomic, cli, errors

_OUTPUT = flags.DEFINE_string(
  "output", "report", "folder for report.md and report.png"
)
_METRIC = flags.DEFINE_string(
  "metric",
  "psnr_y",
  "score to compare by: psnr_y, ssim_y, psnr_rgb, checkerboard, or any other"
  " that the runs have logged as eval/SET/METRIC",
)


def main(argv: Sequence[str]) -> None:
  """Compares as the flags say."""
  if len(argv) < 2:
    raise errors.InputError("name the workdirs of runs, such as runs/*")
  from srfeat_jax.evaluation import plots
  from srfeat_jax.evaluation import runs as runs_lib

  workdirs = [
    path
    for path in argv[1:]
    # What else lies there, where a pattern named the paths.
    if len(argv) == 2 or (pathlib.Path(path) / "config.json").exists()
  ]
  if not workdirs:
    raise errors.InputError(
      f"none of {', '.join(argv[1:])} is the workdir of a run: none has a"
      " config.json"
    )
  left_out = sorted({*argv[1:]} - {*workdirs})
  runs = runs_lib.load(workdirs)
  names = runs_lib.scores(runs, _METRIC.value)
  if not names and not flags.FLAGS["metric"].using_default_value:
    logged = sorted(
      {
        name.rpartition("/")[2]
        for run in runs
        for name in run.curves
        if name.startswith("eval/") and not name.endswith(runs_lib.BICUBIC)
      }
    )
    raise errors.InputError(
      f"--metric={_METRIC.value} is not among what the runs have logged:"
      f" {', '.join(logged) or 'no scores; set config.data.benchmarks'}"
    )
  table = runs_lib.table(runs, _METRIC.value)
  output = pathlib.Path(_OUTPUT.value)
  output.mkdir(parents=True, exist_ok=True)
  plots.runs(
    {run.name: run.curves for run in runs}, names, output / "report.png"
  )
  page = f"# Runs\n\n{table}\n\n![Curves](report.png)\n"
  many = len(runs_lib.differing(runs)) > runs_lib.MOST_COLUMNS
  if many:
    page += f"\n## Settings\n\n{runs_lib.settings(runs)}\n"
  atomic.replace(output / "report.md", page.encode())
  print(table)
  if many:
    print("\nthe runs differ in many settings: report.md has a table of them")
  if left_out:
    print(f"\nleft out, as they have no config.json: {', '.join(left_out)}")
  print(f"\nreport.md and report.png are in {output}")


if __name__ == "__main__":
  cli.run(main)
