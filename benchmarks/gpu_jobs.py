"""What `gpu_suite` runs, the most important first."""

from typing import NamedTuple

_RUN = ("benchmarks.run", "--in_process", "--repeats=7", "--count=5")
_TRAIN = (*_RUN, "--suite=train")
_INFER = (*_RUN, "--suite=infer")
_ALL = "--who=ours,eager,compiled"
_BOTH = "--who=ours,eager"


class Job(NamedTuple):
  """A program that writes its result to the file that --output names.

  Attributes:
    suite: under which its result is filed.
    case: what it measures.
    command: module and flags, without --case.
  """

  suite: str
  case: str
  command: tuple[str, ...]

  @property
  def name(self) -> str:
    """What people call it."""
    return f"{self.suite}/{self.case}"

  @property
  def has_case(self) -> bool:
    """Whether its program takes --case."""
    return self.suite in ("train", "infer", "profile")


# Each job with torch.compile takes a minute or more for that alone.
JOBS = (
  Job("probe", "probe", ("benchmarks.gpu_probe",)),
  Job("check", "check", ("benchmarks.check",)),
  Job("programs", "programs", ("benchmarks.check_programs",)),
  Job("train", "srfeat_pretrain_b16", (*_TRAIN, _ALL)),
  Job("train", "srfeat_gan_b16", (*_TRAIN, _ALL)),
  Job("profile", "srfeat_pretrain_b16", ("benchmarks.step_profile",)),
  Job("profile", "srfeat_gan_b16", ("benchmarks.step_profile",)),
  Job("train", "srfeat_gan_b5", (*_TRAIN, _BOTH)),
  Job("train", "esrgan_b16", (*_TRAIN, _BOTH)),
  Job("train", "srgan_b16", (*_TRAIN, _BOTH)),
  Job("infer", "srfeat_1280x720", (*_INFER, _ALL)),
  Job("infer", "esrgan_1280x720", (*_INFER, _BOTH)),
  Job("train", "srfeat_pretrain_b9", (*_TRAIN, _BOTH)),
  Job("train", "srfeat_gan_b9", (*_TRAIN, _BOTH)),
  Job("infer", "srfeat_1920x1080", (*_INFER, _BOTH)),
  Job("infer", "srresnet_1920x1080", (*_INFER, _BOTH)),
  Job("infer", "srfeat_lite_1920x1080", (*_INFER, _BOTH)),
  Job("train", "srfeat_lite_pretrain_b16", (*_TRAIN, _BOTH)),
)
