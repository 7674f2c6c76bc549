"""What `gpu_suite` runs, the most important first."""

from typing import NamedTuple

_RUN = ("benchmarks.run", "--in_process", "--repeats=7", "--count=5")


class Job(NamedTuple):
  """A program that writes its result to the file that --output names.

  Attributes:
    suite: under which its result is filed.
    case: what it measures.
    module: the program.
    flags: of it.
    who: whom it measures, if it compares.
  """

  suite: str
  case: str
  module: str
  flags: tuple[str, ...] = ()
  who: tuple[str, ...] = ()

  @property
  def name(self) -> str:
    """What it is called: two jobs with one name measure the same."""
    return f"{self.suite}/{self.case}"

  @property
  def command(self) -> tuple[str, ...]:
    """Module and flags."""
    who = (f"--who={','.join(self.who)}",) if self.who else ()
    return (self.module, *self.flags, *who)


def _profile(case: str) -> Job:
  return Job("profile", case, "benchmarks.step_profile", (f"--case={case}",))


def _measure(suite: str, case: str, *peers: str) -> Job:
  module, *flags = _RUN
  flags += [f"--suite={suite}", f"--case={case}"]
  return Job(suite, case, module, tuple(flags), ("ours", *peers))


# A compiled peer may take minutes to compile: first without it, then with it.
JOBS = (
  Job("probe", "probe", "benchmarks.gpu_probe"),
  Job("check", "check", "benchmarks.check"),
  Job("programs", "programs", "benchmarks.check_programs"),
  _measure("train", "srfeat_pretrain_b16", "eager"),
  _measure("train", "srfeat_gan_b16", "eager"),
  _profile("srfeat_pretrain_b16"),
  _profile("srfeat_gan_b16"),
  _measure("train", "esrgan_b16", "eager"),
  _measure("train", "srgan_b16", "eager"),
  # What photographs go through has no peer: it is measured beside nobody.
  _measure("train", "srfeat_photo_b16"),
  _profile("srfeat_photo_b16"),
  _measure("infer", "srfeat_1280x720", "eager"),
  _measure("infer", "esrgan_1280x720", "eager"),
  Job("check", "others", "benchmarks.check", ("--others",)),
  _measure("train", "srfeat_pretrain_b16", "eager", "compiled"),
  _measure("train", "srfeat_gan_b16", "eager", "compiled"),
  _measure("train", "srfeat_gan_b5", "eager"),
  _measure("infer", "srfeat_1920x1080", "eager"),
  _measure("infer", "srresnet_1920x1080", "eager"),
  _measure("infer", "srfeat_lite_1920x1080", "eager"),
  _measure("infer", "srfeat_1280x720", "eager", "compiled"),
  _measure("train", "srfeat_pretrain_b9", "eager"),
  _measure("train", "srfeat_gan_b9", "eager"),
  _measure("train", "srfeat_lite_pretrain_b16", "eager"),
)
