"""The documents against the repository: links, paths, commands and flags."""

import functools
import importlib
import re
import typing

from absl.testing import absltest, parameterized

from srfeat_jax import config_flag, errors
from srfeat_jax.configs import gan, pretrain
from srfeat_jax.models import fields
from srfeat_jax.training import config_checks
from tests.support import paths, programs

DOCUMENTS = (
  "README.md",
  "CONTRIBUTING.md",
  "CHANGELOG.md",
  "benchmarks/README.md",
  *(f"docs/{path.name}" for path in (paths.REPOSITORY / "docs").glob("*.md")),
)
# Folders of the package, below which documents name modules as `ops/resize`.
FOLDERS = (
  "configs|data|evaluation|image_io|inference|interchange|models|ops|training"
  "|upscaling|weights|containers|layouts|exports"
)
# Files that a reader makes.
MADE = re.compile(r"NAME|/a/b|^tests/a/|^runs/")


def glob_docs() -> list[str]:
  return [name for name in DOCUMENTS if name.startswith("docs/")]


def read(document: str) -> str:
  return (paths.REPOSITORY / document).read_text()


def anchors(text: str) -> set[str]:
  """How the headings of a page are linked to."""
  headings = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
  return {
    re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
    for heading in headings
  }


def broken_links(document: str, text: str) -> list[str]:
  """Links to files that are not there, or to headings they do not have."""
  broken = []
  for link in re.findall(r"\]\(([^)\s]+)\)", text):
    name, _, anchor = link.partition("#")
    target = (paths.REPOSITORY / document).parent / name if name else None
    if target is None or target.is_file():
      page = target.read_text() if anchor and target else text
      if anchor and anchor not in anchors(page):
        broken.append(link)
    else:
      broken.append(link)
  return broken


def missing_paths(text: str) -> list[str]:
  """Files and modules between backticks that are not there."""
  missing = []
  for name in re.findall(r"`([\w./-]+)`", text):
    if MADE.search(name) or "/" not in name.strip("/"):
      continue
    known = (paths.REPOSITORY / name.split("/")[0]).is_dir()
    module = re.match(rf"({FOLDERS})/", name)
    if known or module:
      there = (paths.REPOSITORY / name).exists() or any(
        f"/{each}".endswith(f"/{name.rstrip('/')}") for each in modules()
      )
      if not there:
        missing.append(name)
  return missing


@functools.cache
def modules() -> list[str]:
  """Modules and folders of the package, with ".py" and without."""
  package = paths.REPOSITORY / "srfeat_jax"
  found = [path.relative_to(package) for path in package.rglob("*")]
  return [
    name
    for path in found
    for name in {path.as_posix(), path.with_suffix("").as_posix()}
  ]


def commands(text: str) -> list[tuple[str, list[str]]]:
  """Modules that are run in blocks of shell, each with its flags."""
  found = []
  for block in re.findall(r"^```sh\n(.*?)^```", text, re.DOTALL | re.MULTILINE):
    for line in block.replace("\\\n", " ").splitlines():
      if match := re.search(r"-m ((?:srfeat_jax|benchmarks)\.\w+)(.*)", line):
        found.append((match[1], re.findall(r"--[^\s=]+(?:=\S+)?", match[2])))
  return found


@functools.cache
def flags_of(module: str) -> set[str]:
  """The flags of a program of the package, by its --help."""
  help_text = programs.run(module.removeprefix("srfeat_jax."), "--help").stdout
  found = set()
  for no, name in re.findall(
    r"^  (?:-\w+,)?--(\[no\])?(\w+)", help_text, re.MULTILINE
  ):
    found |= {name, f"no{name}"} if no else {name}
  return found


def unknown_flags(module: str, flags: list[str]) -> list[str]:
  """Flags that a program, or the config that is named, does not have."""
  names = [flag.removeprefix("--").partition("=")[0] for flag in flags]
  unknown = [
    name
    for name in names
    if not name.startswith("config.") and name not in flags_of(module)
  ]
  fields = [name.split(".")[1:] for name in names if name[:7] == "config."]
  if fields:
    (file,) = [flag for flag in flags if flag.startswith("--config=")]
    path, _, variant = file.partition("=")[2].partition(":")
    if variant == "VARIANT":
      variant = ""
    name = "srfeat_jax." + path.removesuffix(".py").replace("/", ".")
    config = importlib.import_module(name).get_config(*filter(None, [variant]))
    for field in fields:
      owner = config
      for part in field:
        if part not in owner:
          unknown.append(".".join(field))
          break
        owner = owner[part]
  return unknown


def launches(text: str) -> list[tuple[str, list[str]]]:
  """Launch scripts that are given a config, each with it and flags of fields."""
  found = []
  for line in text.replace("\\\n", " ").splitlines():
    for match in re.finditer(
      r"launch/(local|slurm|tpu_pod)\.sh\b[^`]*?(configs/[\w.:/]+)([^`]*)", line
    ):
      flags = re.findall(r"--config\.\S+", match[3])
      found.append((match[1], [f"--config={match[2]}", *flags]))
  return found


def refusals(flags: list[str], devices: typing.Iterable[int] = (1,)) -> list:
  """Why a run of these flags would not begin on so many devices.

  Or why it would not see as many images as its config's file says.
  """
  path = flags[0].removeprefix("--config=").removesuffix(":VARIANT")
  of_fields = [
    flag for flag in flags if flag.startswith("--config.") and "$" not in flag
  ]
  try:
    config, _ = config_flag.split(["main", f"--config={path}", *of_fields])
    config_checks.check(config)
  except errors.InputError as error:
    return [str(error)]
  refused = [
    f"{config.batch_size} images on {count} devices"
    for count in devices
    if config.batch_size % count
  ]
  if not any(flag.startswith("--config.num_steps") for flag in of_fields):
    begins = config_flag.load(path)
    images = begins.num_steps * begins.batch_size
    if abs(config.num_steps * config.batch_size - images) > config.batch_size:
      refused.append(f"{config.num_steps} steps of {config.batch_size} images")
  return refused


class DocumentsTest(parameterized.TestCase):
  @parameterized.parameters(*DOCUMENTS)
  def test_links(self, document):
    self.assertEmpty(broken_links(document, read(document)))

  @parameterized.parameters(
    *(each for each in DOCUMENTS if each != "CHANGELOG.md")
  )
  def test_paths(self, document):
    self.assertEmpty(missing_paths(read(document)))

  def test_commands(self):
    found, wrong = 0, []
    for document in DOCUMENTS:
      for module, flags in commands(read(document)):
        if module.startswith("srfeat_jax."):
          found += 1
          for name in unknown_flags(module, flags):
            wrong.append(f"{document}: {module} has no {name}")
    self.assertGreater(found, 15)
    self.assertEmpty(wrong)

  @parameterized.parameters("README.md", *sorted(glob_docs()))
  def test_documented_runs_pass_their_own_checks(self, document):
    wrong = []
    for module, flags in commands(read(document)):
      of_config = [flag for flag in flags if flag.startswith("--config")]
      if module == "srfeat_jax.main" and of_config:
        wrong += [f"{of_config}: {each}" for each in refusals(of_config)]
    self.assertEmpty(wrong)

  def test_documented_runs_divide_between_many_devices(self):
    found = launches(read("docs/many_devices.md"))
    self.assertGreaterEqual(len(found), 3)
    for script, flags in found:
      if flags[0].startswith("--config=configs/gan.py"):
        flags.append("--config.init_from=runs/srfeat")
      # A machine with 4 or 8 GPUs; two of these; a slice of 16 or 64 chips.
      self.assertEqual((script, refusals(flags, (4, 8, 16, 64))), (script, []))

  @parameterized.parameters(
    ("`sbatch launch/slurm.sh configs/gan.py:srfeat W`", "init_from is empty"),
    ("launch/local.sh configs/pretrain.py:srfeat W", "9 images on 8 devices"),
    ("launch/tpu_pod.sh N Z \\\n configs/pretrain.py:srfeat W \\\n"
     " --config.batch_size=64", ""),
    ("launch/local.sh configs/pretrain.py:srfeat W --config.batch_size=64"
     " --config.schedule_in=steps", "259160 steps of 64 images"),
    ("launch/local.sh configs/pretrain.py:srfeet W", "no variant"),
  )  # fmt: skip
  def test_a_run_that_would_not_begin_is_found(self, text, problem):
    ((_, flags),) = launches(text)
    self.assertIn(problem, " ".join(refusals(flags, (1, 8))))
    self.assertEqual(bool(refusals(flags, (1, 8))), bool(problem))

  @parameterized.parameters(
    ("README.md", pretrain.VARIANTS),
    ("docs/training.md", pretrain.VARIANTS),
    ("docs/adversarial_training.md", gan.VARIANTS),
  )
  def test_variants_are_listed(self, document, variants):
    text = read(document)
    self.assertEmpty([each for each in variants if f"`{each}`" not in text])

  def test_the_readme_names_the_scale_factors(self):
    """Those that most generators can be built and trained for."""
    text = read("README.md")
    for scale in typing.get_args(fields.Scale):
      self.assertIn(f"x{scale}", text.replace(",", " ").split())

  def test_the_readme_is_short(self):
    self.assertLess(len(read("README.md").splitlines()), 250)

  @parameterized.parameters(
    ("[x](docs/training.md)", 0),
    ("[x](docs/training.md#train-on-mars)", 1),
    ("[x](docs/nothing.md)", 1),
    ("# Some `code`, here\n[x](#some-code-here)", 0),
    ("[x](#nowhere)", 1),
  )
  def test_a_broken_link_is_found(self, text, count):
    self.assertLen(broken_links("README.md", text), count)

  @parameterized.parameters(
    ("`ops/resize` and `srfeat_jax/ops/resize.py`, `containers/`", 0),
    ("`ops/nothing`", 1),
    ("`tests/nothing_test.py` of `runs/x`", 1),
    ("`interchange/containers/torch_writer`", 0),
  )
  def test_a_missing_path_is_found(self, text, count):
    self.assertLen(missing_paths(text), count)

  def test_an_unknown_flag_is_found(self):
    text = (
      "```sh\npython -m srfeat_jax.main --config=configs/gan.py:srgan_lite \\\n"
      "  --config.seed=1 --config.lossses.pixel=l1 --wokdir=x\n```\n"
    )
    ((module, flags),) = commands(text)
    self.assertEqual(unknown_flags(module, flags), ["wokdir", "lossses.pixel"])


if __name__ == "__main__":
  absltest.main()
