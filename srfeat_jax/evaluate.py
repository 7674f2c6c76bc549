"""Evaluates an upscaler on benchmark sets, and compares it with bicubic.

  python -m srfeat_jax.evaluate --weights=runs/x4 --benchmarks=data \\
    --sets=Set5,Set14,BSD100 --output=results

Prints a table and writes `results.json`, `results.md` and `comparison.png`.
--weights=A,B,... compares several weights in one table and one figure. With
--lpips_weights=lpips.safetensors, the table has LPIPS, too, and with
--metric=my_metrics.py:mean_error a metric of your own.
"""

import functools
import pathlib
from collections.abc import Sequence

from absl import flags

from srfeat_jax import cli, errors
from srfeat_jax.evaluation import protocol
from srfeat_jax.upscaling import options as options_lib
from srfeat_jax.upscaling import upscaler_flags

_SHOWN = 2  # images of each set in comparison.png

_BENCHMARKS = flags.DEFINE_string(
  "benchmarks",
  None,
  "folder with SET/HR and, optionally, SET/LRx4 for each benchmark set; or a"
  ' folder of HR images; or "synthetic": scenes that need no files',
  required=True,
)
_SETS = flags.DEFINE_list(
  "sets", [], "names of the sets, separated by commas; by default all"
)
_OUTPUT = flags.DEFINE_string(
  "output", None, "folder for the results", required=True, short_name="o"
)
_PROTOCOL = flags.DEFINE_enum(
  "protocol",
  protocol.MATLAB.name,
  list(protocol.ALL),
  "; ".join(
    f"{each.name}: {each.description}" for each in protocol.ALL.values()
  ),
)
_LPIPS_WEIGHTS = flags.DEFINE_string(
  "lpips_weights",
  None,
  "file made by `convert lpips`: measure LPIPS as well, a perceptual distance"
  " (lower is better)",
)
_METRIC = flags.DEFINE_multi_string(
  "metric",
  [],
  "your own metric, FILE.py:FUNCTION or MODULE:FUNCTION: a function of SR and"
  " HR (uint8, [H, W, 3] or [H, W]) that returns a number; may be repeated",
)
_SAVE_IMAGES = flags.DEFINE_bool(
  "save_images",
  False,
  "write the results to OUTPUT/images/SET/NAME.png; for several --weights, to"
  " OUTPUT/images/WEIGHTS/SET/NAME.png",
)
flags.adopt_module_key_flags(upscaler_flags)  # so that --help shows them


def main(argv: Sequence[str]) -> None:
  """Evaluates as the flags say."""
  if len(argv) > 1:
    raise errors.InputError(
      f'unexpected argument "{argv[1]}": this program takes only flags, and'
      " lists in them are separated by commas without spaces"
    )
  options = upscaler_flags.several()
  if len(options) > 1:  # bicubic is compared with in any case
    options = [each for each in options if each.weights != options_lib.BICUBIC]
  # JAX takes seconds to import: --help and wrong flags need not wait for it.
  from srfeat_jax.evaluation import evaluator, lpips, own_metric, report
  from srfeat_jax.image_io import images
  from srfeat_jax.inference import upscaler
  from srfeat_jax.interchange import lpips_file
  from srfeat_jax.upscaling import upscaler_factory

  output = pathlib.Path(_OUTPUT.value)
  rules = protocol.ALL[_PROTOCOL.value]
  made = {each.name: upscaler_factory.make(each) for each in options}
  scale = _common_scale({name: scale for name, (_, scale) in made.items()})
  bicubic = functools.partial(upscaler.bicubic, scale=scale)
  own = own_metric.load(
    [source for text in _METRIC.value for source in text.split(",")],
    (*rules.metrics(scale), "lpips"),
  )
  sets = rules.load(_BENCHMARKS.value, _names(_SETS.value), scale)
  perceptual = None
  if _LPIPS_WEIGHTS.value is not None:
    perceptual = lpips.Metric(*lpips_file.load(_LPIPS_WEIGHTS.value))
  output.mkdir(parents=True, exist_ok=True)  # before the work, not after it
  shown = {  # HR, and SR by caption, of the images of the comparison
    (each.name, image.name): {}
    for each in sets
    for image in each.images[:_SHOWN]
  }

  def scores(upscale, caption, folder=None):
    def keep(set_name, name, lr, sr, hr):
      if _SAVE_IMAGES.value and folder:
        # Appended, because a dot in a name does not begin an extension.
        images.write(folder / set_name / f"{name}.png", sr)
      if (set_name, name) in shown:
        psnr = rules.measure(sr, hr, scale)["psnr_y"]
        versions = shown[set_name, name].setdefault("versions", {})
        versions[f"{caption} {psnr:.2f} dB"] = sr
        shown[set_name, name]["hr"] = hr

    return evaluator.evaluate(
      upscale, sets, rules, scale, keep, lpips=perceptual, own=own
    )

  evaluated = {}
  if options[0].name != options_lib.BICUBIC:
    evaluated["bicubic"] = scores(bicubic, options_lib.BICUBIC)
  for each, caption in zip(options, _captions(options), strict=True):
    folder = output / "images"
    if len(options) > 1:
      folder /= caption.replace("/", "_")
    evaluated[each.name] = scores(made[each.name][0], caption, folder)
  first, *others = (each.name for each in options)
  results = {"weights": first, **evaluated[first]}
  if first != options_lib.BICUBIC:
    results["bicubic"] = evaluated["bicubic"]["sets"]
  if others:
    results["others"] = {name: evaluated[name]["sets"] for name in others}
  report.write(results, output)
  rows = [
    report.Row(f"{set_name} {name}", image["versions"], image["hr"])
    for (set_name, name), image in shown.items()
  ]
  report.comparison(rows, output / "comparison.png")
  print(report.table(results))
  print(f"\nresults.json, results.md and comparison.png are in {output}")


def _common_scale(scales: dict[str, int]) -> int:
  """The scale factor of all weights, which must have the same one."""
  if len(set(scales.values())) > 1:
    each = ", ".join(f"{name} by {scale}" for name, scale in scales.items())
    raise errors.InputError(
      f"the weights upscale by different factors, {each}: evaluate them"
      " separately"
    )
  return next(iter(scales.values()))


def _captions(options: list[options_lib.Options]) -> list[str]:
  """Short names of the weights, or their whole names where those are alike."""
  short = [each.short_name for each in options]
  if len(set(short)) == len(short):
    return short
  return [each.name for each in options]


def _names(parts: list[str]) -> list[str]:
  return [part for part in parts if part]


if __name__ == "__main__":
  cli.run(main)
