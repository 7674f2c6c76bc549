"""Asks people how good images are: a mean-opinion-score study.

  python -m srfeat_jax.mos build results --benchmarks=data --output=study
  python -m srfeat_jax.mos serve study --results=ratings
  python -m srfeat_jax.mos analyze study --results=ratings --output=opinions

build: makes a page on which people rate images from 1 (bad) to 5 (excellent),
as in SRGAN (Ledig et al. 2017), without knowing what made them. The arguments
are folders that `evaluate --save_images` wrote, or METHOD=FOLDER for other
images. With --benchmarks the HR images are rated as well, and the LR images
interpolated. The page is in STUDY/page, and needs no network: send that folder,
put it on any server, or run serve. STUDY/key.json says which image is which.

serve: shows the page to browsers, and collects what they send, a file for each
submission, until Ctrl-C.

analyze: mean opinion scores with intervals, consistency of the raters,
differences between the methods, and plots. The folder may hold files of serve
and those that raters have downloaded from the page.
"""

import pathlib
import secrets
import signal
import sys
from collections.abc import Sequence

from absl import flags

from srfeat_jax import atomic, cli, errors, places

_OUTPUT = flags.DEFINE_string(
  "output", None, "build, analyze: folder to write", short_name="o"
)
_RESULTS = flags.DEFINE_string(
  "results", None, "serve, analyze: folder of the ratings"
)
_BENCHMARKS = flags.DEFINE_string(
  "benchmarks",
  None,
  "build: folder of the benchmark sets, as for `evaluate`; their HR images and"
  " interpolated LR images are rated, too",
)
_SETS = flags.DEFINE_list(
  "sets", None, "build: names of the sets; by default all of the results"
)
_INTERPOLATED = flags.DEFINE_list(
  "interpolated",
  None,
  "build: what is made of the LR images of --benchmarks; by default nearest and"
  " bicubic",
)
_SCALE = flags.DEFINE_integer(
  "scale",
  None,
  "build: scale factor of the images, for --benchmarks and --calibration, if no"
  " results.json says it",
  2,
  16,
)
_REPEATS = flags.DEFINE_integer(
  "repeats",
  None,
  "build: number of items that are shown twice, for the raters' consistency; by"
  " default a tenth",
)
_IMAGES_PER_SET = flags.DEFINE_integer(
  "images_per_set", None, "build: draw so many images of each set", 1
)
_CROP = flags.DEFINE_integer(
  "crop",
  None,
  "build: crop larger images to a square of this side at their center",
  16,
)
_CALIBRATION = flags.DEFINE_string(
  "calibration",
  None,
  "build: folder of HR images for the examples of 1 and 5 that raters see"
  " first; by default some of --benchmarks",
)
_TITLE = flags.DEFINE_string("title", None, "build: what raters read first")
_SEED = flags.DEFINE_integer(
  "seed",
  None,
  "build: of the items' names and order, by default a random one",
  0,
)
_HOST = flags.DEFINE_string(
  "host",
  None,
  "serve: address to serve the page at; by default 127.0.0.1, only for this"
  " computer; 0.0.0.0: for everyone who can reach it",
)
_PORT = flags.DEFINE_integer(
  "port", None, "serve: port; by default any free port", 0, 65535
)
_NAMES = flags.DEFINE_list(
  "names",
  None,
  "serve: other names that raters reach the page by, such as that of a proxy",
)
# The commands, each with the flags that only it takes, and those it needs.
_COMMANDS = {
  "build": (
    *(_OUTPUT, _BENCHMARKS, _SETS, _INTERPOLATED, _SCALE, _REPEATS),
    *(_IMAGES_PER_SET, _CROP, _CALIBRATION, _TITLE, _SEED),
  ),
  "serve": (_RESULTS, _HOST, _PORT, _NAMES),
  "analyze": (_OUTPUT, _RESULTS),
}
_NEEDED = {
  "build": (_OUTPUT,),
  "serve": (_RESULTS,),
  "analyze": (_OUTPUT, _RESULTS),
}
_LARGEST_SHOWN = 640  # pixels, that most windows have room for
_EXAMPLES = 3
_EXAMPLE_SIDE = 320


def main(argv: Sequence[str]) -> None:
  """Does what the arguments say."""
  command, *arguments = argv[1:] or [""]
  if command not in _COMMANDS:
    raise errors.InputError(
      f'"{command}" is not a command: begin with one of {", ".join(_COMMANDS)}'
    )
  taken = {flag.name for flag in _COMMANDS[command]}
  for owned in _COMMANDS.values():
    for flag in owned:
      if flag.value is not None and flag.name not in taken:
        raise errors.InputError(f"--{flag.name} is no flag of {command}")
  for flag in _NEEDED[command]:
    if not flag.value:
      raise errors.InputError(f"{command} needs --{flag.name}")
  for flag in (_OUTPUT, _RESULTS):
    places.refuse(f"--{flag.name}", flag.value or "")
  match command:
    case "build":
      _build(arguments)
    case "serve":
      _serve(_one(arguments))
    case "analyze":
      _analyze(_one(arguments))


def _one(arguments: Sequence[str]) -> pathlib.Path:
  if len(arguments) != 1:
    raise errors.InputError(
      "expected one folder that `mos build` wrote, got"
      f" {', '.join(arguments) or 'none'}"
    )
  places.refuse("the study", arguments[0])
  return pathlib.Path(arguments[0])


def _build(arguments: Sequence[str]) -> None:
  from srfeat_jax.mos import candidates, study_page
  from srfeat_jax.mos import study as study_lib

  output = pathlib.Path(str(_OUTPUT.value))
  if output.exists() and not output.is_dir():
    raise errors.InputError(
      f"--output={output} is a file: name a new folder for the study"
    )
  if output.is_dir() and any(output.iterdir()):
    raise errors.InputError(
      f"--output={output} is not empty: choose a new folder, for ratings belong"
      " to the study that they were made with"
    )
  found = candidates.of_methods(arguments)
  methods = found.methods
  scale = candidates.scale(found.scales, _SCALE.value) or 0
  of_hr = _BENCHMARKS.value or _CALIBRATION.value
  if of_hr and not scale:
    raise errors.InputError(
      f"--scale is needed to make LR images of {of_hr}, as no results.json says"
      " by which factor the others were upscaled: give it"
    )
  sets = _sets(methods)
  methods = {
    method: {
      source: read for source, read in found.items() if source[0] in sets
    }
    for method, found in methods.items()
  }
  if _BENCHMARKS.value:
    made = candidates.of_benchmarks(
      _BENCHMARKS.value, sets, scale, _interpolated()
    )
    methods = made | methods  # images that are there are not made again
  elif _INTERPOLATED.value is not None:
    raise errors.InputError("--interpolated needs --benchmarks")
  candidates.check(methods)
  seed = secrets.randbelow(1 << 32) if _SEED.value is None else _SEED.value
  first = next(iter(methods.values()))
  sources = study_lib.limit(first, _IMAGES_PER_SET.value or 0, seed)
  number = len(sources) * len(methods)
  repeats = -(-number // 10) if _REPEATS.value is None else _REPEATS.value
  title = _TITLE.value or "How good are these images?"
  study = study_lib.draw(sources, list(methods), repeats, seed, title)
  examples = _examples(methods, sources, scale)
  # A study is there as a whole, or not at all; also if the program is ended.
  signal.signal(signal.SIGTERM, signal.default_int_handler)
  with atomic.new_folder(output) as folder:
    height, width = study_page.write(
      folder / study_lib.PAGE, study, methods, examples, _CROP.value or 0
    )
    study_lib.save_key(study, folder)
  print(
    f"{len(study.items)} items: {len(sources)} images by {len(methods)} methods"
    f" ({', '.join(methods)}), and {repeats} of them twice"
  )
  if not examples:
    print(
      "there is no calibration, as neither --benchmarks nor --calibration says"
      " where HR images are"
    )
  if max(height, width) > _LARGEST_SHOWN:
    print(
      f"the largest image has {width} x {height} pixels, which many windows"
      " have no room for: raters can scroll, or --crop=400 cuts the center out"
    )
  print(
    f"\nthe page is {output / study_lib.PAGE / 'index.html'}; keep"
    f" {output / study_lib.KEY} to yourself"
  )


def _sets(methods) -> list[str]:
  """The sets to show, which are all, or those of --sets."""
  found = sorted({name for each in methods.values() for name, _ in each})
  if not _SETS.value and not found:
    raise errors.InputError(
      "there is nothing to rate: name a folder of `evaluate --save_images`, or"
      " --sets of --benchmarks"
    )
  chosen = _SETS.value or found
  if found and not {*chosen} <= {*found}:
    raise errors.InputError(
      f"--sets={','.join(chosen)}: expected some of {', '.join(found)}"
    )
  return chosen


def _interpolated() -> list[str]:
  from srfeat_jax.mos import candidates

  if _INTERPOLATED.value is None:
    return list(candidates.INTERPOLATED)
  for name in _INTERPOLATED.value:
    if name and name not in candidates.INTERPOLATED:
      raise errors.InputError(
        f"--interpolated={','.join(_INTERPOLATED.value)}: expected some of"
        f" {', '.join(candidates.INTERPOLATED)}"
      )
  return [name for name in _INTERPOLATED.value if name]


def _examples(methods, sources, scale: int) -> list:
  """Images as examples of 1 and of 5, of equal size, for the calibration."""
  from srfeat_jax.mos import candidates, study_page

  if _CALIBRATION.value:
    made = candidates.of_benchmarks(
      _CALIBRATION.value, [], scale, [candidates.NEAREST]
    )
    chosen = list(made[candidates.HR])
  elif candidates.HR in methods and _BENCHMARKS.value:
    made = {candidates.HR: methods[candidates.HR]}
    made |= candidates.of_benchmarks(
      _BENCHMARKS.value,
      sorted({name for name, _ in sources}),
      scale,
      [candidates.NEAREST],
    )
    chosen = sources
  else:
    return []
  side = min(_EXAMPLE_SIDE, _CROP.value or _EXAMPLE_SIDE)
  return [
    tuple(
      study_page.center(made[method][source](), side)
      for method in (candidates.NEAREST, candidates.HR)
    )
    for source in chosen[:_EXAMPLES]
  ]


def _serve(folder: pathlib.Path) -> None:
  from srfeat_jax.mos import server as server_lib
  from srfeat_jax.mos import store as store_lib
  from srfeat_jax.mos import study as study_lib

  study = study_lib.load(folder)
  total = len(study.items)

  def tell(new) -> None:
    print(
      f"rater {new.rater[:8]}: {len(new.ratings)} of {total} rated", flush=True
    )

  signal.signal(signal.SIGTERM, signal.default_int_handler)
  with store_lib.opened(str(_RESULTS.value)) as store:
    server = server_lib.Server(
      study,
      folder,
      store,
      _HOST.value or "127.0.0.1",
      _PORT.value or 0,
      _NAMES.value or (),
      tell,
    )
    try:
      with server:
        print(
          f"The page is at {server.url} until you press Ctrl-C.", flush=True
        )
        server.serve_forever()
    except KeyboardInterrupt:
      store.close()
      print(
        f"The page is closed; ratings are in {_RESULTS.value}.", file=sys.stderr
      )


def _analyze(folder: pathlib.Path) -> None:
  from srfeat_jax.mos import (
    analysis,
    analysis_files,
    analysis_plots,
    collected,
  )
  from srfeat_jax.mos import study as study_lib

  study = study_lib.load(folder)
  ratings = collected.read(study, str(_RESULTS.value))
  found = analysis.analyze(ratings)
  output = pathlib.Path(str(_OUTPUT.value))
  output.mkdir(parents=True, exist_ok=True)
  analysis_files.write(found, output)
  analysis_plots.distribution(found, output / analysis_files.DISTRIBUTION)
  analysis_plots.bars(found, output / analysis_files.BARS)
  print(f"{analysis_files.text(found)}\n\n{analysis_files.summary(found)}")
  for name, reason in ratings.left_out.items():
    print(cli.printable(f"left out: {name}: {reason}"))
  for name, rater in zip(ratings.raters, found.raters, strict=True):
    if rater.reasons:
      print(f"outlier: {name[:8]}: {'; '.join(rater.reasons)}")
  print(
    f"\n{analysis_files.MARKDOWN}, {analysis_files.JSON},"
    f" {analysis_files.DISTRIBUTION} and {analysis_files.BARS} are in {output}"
  )


if __name__ == "__main__":
  cli.run(main)
