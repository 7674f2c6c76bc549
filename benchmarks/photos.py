"""Compares several weights on evaluation sets, such as those of `held_out`.

  python -m benchmarks.photos bicubic srfeat-lite x4plus=FILE.safetensors \\
    --benchmarks=FOLDER --sets=clean,light,medium,strong --output=TABLE

Each argument is a value of `evaluate --weights`, with or without NAME= before
it; or a results.json of `evaluate`, for weights that were measured before and
take hours. Prints a table, and writes it to photos.md and the metrics of each
image to photos.json. Both are written after each of the weights, so that a run
that is stopped has what it measured. The row HR has the checkerboard measure of
the HR images, which have no artifacts.
"""

import json
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from benchmarks import named_weights
from srfeat_jax import atomic, cli, errors

_BENCHMARKS = flags.DEFINE_string(
  "benchmarks", None, "folder of the sets, as for `evaluate`", required=True
)
_SETS = flags.DEFINE_list("sets", [], "names of the sets; all that there are")
_LPIPS_WEIGHTS = flags.DEFINE_string(
  "lpips_weights", None, "as for `evaluate`; without it, LPIPS is left out"
)
_OUTPUT = flags.DEFINE_string(
  "output", None, "folder for the results", required=True
)
_HR = "HR"
# The columns of the table: metric, heading, digits.
_COLUMNS = (
  ("psnr_y", "PSNR of Y, dB", 2),
  ("lpips", "LPIPS", 4),
  ("checkerboard", "checkerboard", 3),
  ("phase_error", "phase error", 2),
  ("color_error", "color error", 2),
)


def main(argv: Sequence[str]) -> None:
  """Measures as the flags say."""
  chosen = named_weights.named(argv[1:])
  if _HR in chosen:
    raise errors.InputError(
      f"{_HR} is the name of a row: write NAME={chosen[_HR]} with another name"
    )
  from srfeat_jax.evaluation import evaluator, lpips, protocol, report
  from srfeat_jax.interchange import lpips_file

  sets = protocol.MATLAB.load(
    _BENCHMARKS.value, _SETS.value, named_weights.SCALE
  )
  images = {each.name: [image.name for image in each.images] for each in sets}
  earlier = {
    name: _earlier(path, images)
    for name, path in chosen.items()
    if path.endswith(".json")
  }
  metric = None
  if _LPIPS_WEIGHTS.value is not None:
    metric = lpips.Metric(*lpips_file.load(_LPIPS_WEIGHTS.value))
  output = pathlib.Path(_OUTPUT.value)
  output.mkdir(parents=True, exist_ok=True)  # before the work, not after it
  results = {_HR: _hr_scores(sets)}
  for name, path in chosen.items():
    if name in earlier:
      results[name] = earlier[name]
    else:
      upscale = named_weights.load(path)
      measured = evaluator.evaluate(
        upscale, sets, scale=named_weights.SCALE, lpips=metric
      )
      results[name] = measured["sets"]
    text = json.dumps(report.finite(results), indent=1, allow_nan=False)
    atomic.replace(output / "photos.json", f"{text}\n".encode())
    atomic.replace(output / "photos.md", markdown(results).encode())
  print(markdown(results), end="")
  print(f"\nphotos.md and photos.json are in {output}")


def markdown(results: Mapping[str, Any]) -> str:
  """Writes a table, with a row for each of the weights for each set.

  Args:
    results: the "sets" of `evaluator.evaluate`, by the name of the weights.
  """
  first = next(iter(results.values()))
  lines = [
    f"| set (images) | weights | {' | '.join(c[1] for c in _COLUMNS)} |",
    f"| --- | --- | {' | '.join('---:' for _ in _COLUMNS)} |",
  ]
  for name in first:
    for weights, sets in results.items():
      scores = sets[name]
      cells = [
        # A number that is missing, or was infinite: null in a results.json.
        "-" if scores.get(key) is None else f"{scores[key]:.{digits}f}"
        for key, _, digits in _COLUMNS
      ]
      count = len(scores["images"])
      lines.append(f"| {name} ({count}) | {weights} | {' | '.join(cells)} |")
  return "\n".join(lines) + "\n"


def _hr_scores(sets: Sequence[Any]) -> dict[str, Any]:
  """Measures HR images: the metrics that need no target."""
  from srfeat_jax.evaluation import protocol

  metric, scores = "checkerboard", {}
  for each in sets:
    images = {
      image.name: {
        metric: protocol.checkerboard(image.hr(), named_weights.SCALE)
      }
      for image in each.images
    }
    values = [image[metric] for image in images.values()]
    mean = protocol.set_value(metric, values)
    scores[each.name] = {metric: mean, "images": images}
  return scores


def _earlier(path: str, images: Mapping[str, Sequence[str]]) -> dict[str, Any]:
  """Reads a results.json, whose images must be those of this comparison."""
  try:
    sets = json.loads(pathlib.Path(path).read_text())["sets"]
    found = {name: list(sets[name]["images"]) for name in images}
  except (OSError, ValueError, KeyError, TypeError) as error:
    raise errors.InputError(
      f"{path} is not a results.json of `evaluate` for the sets"
      f" {', '.join(images)} ({error!r})"
    ) from error
  for name in images:
    if found[name] != images[name]:
      raise errors.InputError(
        f"{path} was measured on other images of {name}: it has"
        f" {len(found[name])}, and the set has {len(images[name])}"
      )
  return {name: sets[name] for name in images}


if __name__ == "__main__":
  cli.run(main)
