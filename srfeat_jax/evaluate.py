"""Evaluates upscalers on benchmark sets, and compares them with bicubic.

  python -m srfeat_jax.evaluate --weights=runs/x4 --benchmarks=data \\
    --sets=Set5,Set14,BSD100 --output=results
  python -m srfeat_jax.evaluate --pairs SR_FOLDER HR_FOLDER --output=results

Prints a table and writes it to `results.json`, `.md`, `.csv` and `.tex`, with
the scores of each image, and `comparison.png`. --weights=A,B,... compares
several weights in one table and one figure, and --pairs measures images that
something else upscaled. --lpips_weights, --dists_weights and --niqe_params add
perceptual metrics, and --metric=my_metrics.py:mean_error one of your own.
"""

import functools
import pathlib
from collections.abc import Mapping, Sequence
from typing import Any

from absl import flags

from srfeat_jax import atomic, cli, errors
from srfeat_jax.evaluation import protocol
from srfeat_jax.upscaling import options as options_lib
from srfeat_jax.upscaling import upscaler_flags

_SHOWN = 2  # images of each set in comparison.png
_PAIRS_SCALE = 4
_BASELINES = ("nearest", "bicubic", "lanczos")

_BENCHMARKS = flags.DEFINE_string(
  "benchmarks",
  None,
  "folder with SET/HR and, optionally, SET/LRx4 for each benchmark set; or a"
  ' folder of HR images; or "synthetic": scenes that need no files',
)
_SETS = flags.DEFINE_list(
  "sets", [], "names of the sets, separated by commas; by default all"
)
_PAIRS = flags.DEFINE_list(
  "pairs",
  [],
  "SR_FOLDER,HR_FOLDER, or SR_FOLDER HR_FOLDER: measure the images of the first"
  " folder, whatever upscaled them, against those of the second; no weights are"
  " used",
)
_SCALE = flags.DEFINE_integer(
  "scale",
  None,
  f"--pairs: scale factor of the SR images, by default {_PAIRS_SCALE}: as many"
  " pixels are left out on each side",
  lower_bound=1,
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
_BASELINE_NAMES = flags.DEFINE_list(
  "baselines",
  ["bicubic"],
  f"what to compare with, of {', '.join(_BASELINES)}; empty for none",
)
_LPIPS_WEIGHTS = flags.DEFINE_list(
  "lpips_weights",
  [],
  "file made by `convert lpips`: measure LPIPS as well, a perceptual distance"
  " (lower is better); or several files, separated by commas, of backbones that"
  " differ",
)
_DISTS_WEIGHTS = flags.DEFINE_string(
  "dists_weights",
  None,
  "file made by `convert dists`: measure DISTS as well, a distance of structure"
  " and texture (lower is better)",
)
_NIQE_PARAMS = flags.DEFINE_string(
  "niqe_params",
  None,
  "file made by `convert niqe`, or a published one: measure NIQE as well, which"
  " needs no target (lower is better)",
)
_METRIC = flags.DEFINE_multi_string(
  "metric",
  [],
  "your own metric, FILE.py:FUNCTION or MODULE:FUNCTION: a function of SR and"
  " HR (uint8, [H, W, 3] or [H, W]) that returns a number; may be repeated",
)
_PUBLISHED = flags.DEFINE_bool(
  "published",
  False,
  "add scores that others published for these sets, marked as such, with their"
  " protocols and sources",
)
_TIME = flags.DEFINE_bool(
  "time",
  True,
  "measure the time that upscaling takes, for which the first image of each"
  " size is upscaled twice",
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
  folders = [*_names(_PAIRS.value), *(argv[1:] if _PAIRS.value else ())]
  if len(argv) > 1 and not _PAIRS.value:
    raise errors.InputError(
      f'unexpected argument "{argv[1]}": this program takes only flags, and'
      " lists in them are separated by commas without spaces"
    )
  if _PAIRS.value:
    _check_pairs(folders)
  elif _BENCHMARKS.value is None:
    raise errors.InputError(
      "--benchmarks is needed: give the folder of the sets; or --pairs"
      " (--help lists the flags)"
    )
  elif _SCALE.value is not None:
    raise errors.InputError(
      "--scale is of --pairs: that of weights is known, and bicubic's is 4"
    )
  baselines = _baselines()
  options = [] if folders else upscaler_flags.several()
  if len(options) > 1:  # which are baselines in any case
    options = [each for each in options if each.weights != options_lib.BICUBIC]
  with atomic.folder("--output", _OUTPUT.value) as output:
    _evaluate(folders, baselines, options, output)


def _evaluate(
  folders: Sequence[str],
  baselines: Sequence[str],
  options: Sequence[options_lib.Options],
  output: pathlib.Path,
) -> None:
  """Measures and writes.

  Args:
    folders: of SR and of HR images that are compared, or none.
    baselines: of `_BASELINES`.
    options: of each weights; without `folders`.
    output: folder of the results.
  """
  # JAX takes seconds to import: --help and wrong flags need not wait for it.
  import jax

  from srfeat_jax.evaluation import (
    composite,
    evaluator,
    image_pairs,
    intervals,
    published,
    report,
    result_tables,
    saved_images,
  )
  from srfeat_jax.image_io import images
  from srfeat_jax.inference import interpolation
  from srfeat_jax.upscaling import upscaler_factory

  rules = protocol.ALL[_PROTOCOL.value]
  upscalers: dict[str, Any] = {}
  if folders:
    scale = _SCALE.value or _PAIRS_SCALE
    sets = [image_pairs.load(folders[0], folders[1], scale)]
    names = [folders[0]]
    # The set has SR images in the place of LR images.
    upscalers[folders[0]] = [
      functools.partial(image_pairs.cropped, scale=scale)
    ]
  else:
    made = {each.name: upscaler_factory.make_each(each) for each in options}
    scale = _common_scale({name: scale for name, (_, scale) in made.items()})
    names = list(made)
    if names == [options_lib.BICUBIC]:
      baselines = [each for each in baselines if each != options_lib.BICUBIC]
    at_once = max(len(several) for several, _ in made.values())
    for name in baselines:
      upscalers[name] = [interpolation.make(name, scale)] * at_once
    upscalers |= {name: upscaler for name, (upscaler, _) in made.items()}
    sets = rules.load(_BENCHMARKS.value or "", _names(_SETS.value), scale)
  lpips, more, own = _metrics(rules, scale)
  shown = {  # HR, and SR by caption, of the images of the comparison
    (each.name, image.name): {}
    for each in sets
    for image in each.images[:_SHOWN]
  }
  captions = dict(zip(names, _captions(names, options), strict=True))
  saved = saved_images.folders(captions) if _SAVE_IMAGES.value else {}

  def scores(name):
    caption = captions.get(name, name)

    def keep(set_name, image_name, lr, sr, hr):
      if name in saved:
        # Appended, because a dot in a name does not begin an extension.
        file = output / saved[name] / set_name / f"{image_name}.png"
        images.write(file, sr)
      if (set_name, image_name) in shown:
        psnr = rules.measure(sr, hr, scale)["psnr_y"]
        versions = shown[set_name, image_name].setdefault("versions", {})
        versions[f"{caption} {psnr:.2f} dB"] = sr
        shown[set_name, image_name]["hr"] = hr

    found = evaluator.evaluate(
      upscalers[name],
      *(sets, rules, scale, keep),
      lpips=lpips,
      own=own,
      more=more,
      timed=_TIME.value and not folders,
    )
    for of_set in found["sets"].values():
      means = {k: v for k, v in of_set.items() if k != "images"}
      backbone = lpips.backbone if lpips else None
      of_set |= composite.scores(means, backbone)
    return found

  evaluated = {name: scores(name) for name in upscalers}
  first, *others = names
  results = {"weights": first, **evaluated[first]}
  of_baselines = {
    name: evaluated[name]["sets"] for name in evaluated if name not in names
  }
  if "bicubic" in of_baselines:
    results["bicubic"] = of_baselines.pop("bicubic")
  if of_baselines:
    results["baselines"] = of_baselines
  if others:
    results["others"] = {name: evaluated[name]["sets"] for name in others}
  if "speed" in results:
    results["speed"] = {k: each["speed"] for k, each in evaluated.items()}
  results["intervals"] = intervals.of(result_tables.methods(results))
  results[saved_images.KEY] = saved
  for name, description in composite.DESCRIPTIONS.items():
    if any(name in of_set for of_set in results["sets"].values()):
      results["metrics"][name] = description
  if _PUBLISHED.value:
    found = published.rows([each.name for each in sets], scale, rules)
    if found:
      results["published"] = found
    elif jax.process_index() == 0:
      print(
        "--published: there are no scores of these sets, or of this scale or"
        " protocol"
      )
  if jax.process_index() == 0:
    report.write(results, output)
    _draw(shown, output / "comparison.png")
    print(report.table(results))
    print(f"\n{', '.join(report.FILES)} and comparison.png are in {output}")


def _check_pairs(folders: Sequence[str]) -> None:
  if len(folders) != 2:
    raise errors.InputError(
      f"--pairs takes two folders, of SR and of HR images, and got"
      f" {len(folders)}: {', '.join(folders)}"
    )
  output = pathlib.Path(_OUTPUT.value).resolve()
  for folder in map(pathlib.Path, folders):
    if output.is_relative_to(folder.resolve()):
      raise errors.InputError(
        f"--output={_OUTPUT.value} is in {folder}, whose images are measured:"
        " name another folder for the results"
      )
  of_upscaling = (
    *("benchmarks", "sets", "save_images", "baselines", "weights", "blend"),
    *("alpha", "ensemble", "precision"),
  )
  for name in of_upscaling:
    if flags.FLAGS[name].present:
      raise errors.InputError(
        f"--{name} does not go with --pairs, which measures images that"
        " are upscaled already"
      )
  if _PROTOCOL.value != protocol.MATLAB.name:
    raise errors.InputError(
      f"--protocol={_PROTOCOL.value} does not go with --pairs: it crops HR"
      " before LR is made, and these images are upscaled already"
    )


def _baselines() -> list[str]:
  """The baselines, of which unknown ones raise `errors.InputError`."""
  chosen = _names(_BASELINE_NAMES.value)
  for name in chosen:
    if name not in _BASELINES:
      raise errors.InputError(
        f"--baselines={name}: expected names of {', '.join(_BASELINES)}"
      )
  return [name for name in _BASELINES if name in chosen]


def _metrics(rules: protocol.Protocol, scale: int) -> tuple[Any, list, list]:
  """LPIPS where it is one metric, other metrics, and a person's own."""
  from srfeat_jax.evaluation import dists, lpips, niqe, own_metric, structure
  from srfeat_jax.interchange import dists_file, lpips_file, niqe_file

  more: list[Any] = list(structure.metrics(rules, scale))
  networks = [lpips_file.load(path) for path in _names(_LPIPS_WEIGHTS.value)]
  alone = None
  if len(networks) == 1:
    alone = lpips.Metric(*networks[0])
  else:
    more += [
      lpips.Metric(network, variables, f"lpips_{network.backbone}")
      for network, variables in networks
    ]
  if _DISTS_WEIGHTS.value is not None:
    more.append(dists.Metric(*dists_file.load(_DISTS_WEIGHTS.value)))
  if _NIQE_PARAMS.value is not None:
    parameters = niqe_file.load(_NIQE_PARAMS.value)
    more.append(niqe.Metric(*parameters, rules.border(scale)))
  taken = [each.name for each in more]
  for name in taken:
    if taken.count(name) > 1:
      raise errors.InputError(
        f"--lpips_weights has two files of the same backbone, of {name}: name"
        " one of each"
      )
  own = own_metric.load(
    [source for text in _METRIC.value for source in text.split(",")],
    (*rules.metrics(scale), "lpips", "perceptual_score", "pi", *taken),
  )
  return alone, more, own


def _draw(shown: Mapping[Any, Any], path: pathlib.Path) -> None:
  """Draws the images that this process measured."""
  from srfeat_jax.evaluation import report

  rows = [
    report.Row(f"{set_name} {name}", image["versions"], image["hr"])
    for (set_name, name), image in shown.items()
    if image
  ]
  if rows:
    report.comparison(rows, path)


def _common_scale(scales: dict[str, int]) -> int:
  """The scale factor of all weights, which must have the same one."""
  if len(set(scales.values())) > 1:
    each = ", ".join(f"{name} by {scale}" for name, scale in scales.items())
    raise errors.InputError(
      f"the weights upscale by different factors, {each}: evaluate them"
      " separately"
    )
  return next(iter(scales.values()))


def _captions(
  names: list[str], options: Sequence[options_lib.Options]
) -> list[str]:
  """Short names of the weights, or their whole names where those are alike."""
  short = [each.short_name for each in options]
  if not options:  # of pairs
    return [pathlib.Path(name).resolve().name for name in names]
  return short if len(set(short)) == len(short) else names


def _names(parts: list[str]) -> list[str]:
  return [part for part in parts if part]


if __name__ == "__main__":
  cli.run(main)
