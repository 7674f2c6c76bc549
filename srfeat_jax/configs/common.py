"""What all runs share: defaults of every field, with their meaning."""

from collections.abc import Callable, Mapping

import ml_collections

from srfeat_jax import errors
from srfeat_jax.configs import degradations

# What makes the config of each variant of a file, by the variant's name.
Variants = Mapping[str, Callable[[], ml_collections.ConfigDict]]


def choose(
  file: str, variant: str, variants: Variants
) -> ml_collections.ConfigDict:
  """Makes the config of a file's variant.

  Args:
    file: what the file is called, for the message.
    variant: as it was asked for.
    variants: the file's.

  Raises:
    errors.InputError: the file has no such variant.
  """
  if variant not in variants:
    raise errors.InputError(
      f'{file} has no variant "{variant}": expected one of'
      f" {', '.join(variants)}"
    )
  return variants[variant]()


def get_config() -> ml_collections.ConfigDict:
  """Fields that the other configs fill in or change."""
  config = ml_collections.ConfigDict()
  config.seed = 0
  config.num_steps = 1000
  config.batch_size = 16  # global: over all devices of all processes
  # What --config.batch_size leaves as it is: "images", those seen in the run
  # and from one validation or checkpoint to the next, so that num_steps and all
  # that is "every" so many steps follow unless flags set them; or "steps".
  config.schedule_in = "images"
  # How learning rates follow it: "none", "linear" or "sqrt", see images_seen.py.
  config.learning_rate_rule = "none"
  # Parts that a step takes a batch in, one after the other, to save memory.
  config.accumulation_steps = 1
  # Arrays of the state with at least so many numbers, as 1e6, are split over
  # the devices, which saves memory; 0: each device has a whole copy of all.
  config.fsdp = 0
  config.crop_size = 96  # HR pixels a side
  # A workdir or a weights file to start from; "" for a random start.
  config.init_from = ""
  # Weights of a trained generator, whose output losses take for HR; "": none,
  # unless data.train has teacher=FOLDER or sets prepared with it.
  config.teacher = ""
  config.teacher_share = 1.0  # of it in the target, the rest is HR
  # Share of the old value in the running average of the weights, which is then
  # what is evaluated and exported; 0 keeps none.
  config.ema_decay = 0.0
  # "float32" or "bfloat16": the compute dtype of all networks, VGG-19 too;
  # "": each one's own field, VGG-19 as the generator.
  config.dtype = ""
  # "float32", "tensorfloat32" or "bfloat16", of products of float32; "": what
  # the device does, TF32 on a GPU and bfloat16 on a TPU.
  config.matmul_precision = ""

  # How LR is made from HR. By flag: --config.degradation.kind=photo
  config.degradation = degradations.bicubic()

  # `architecture` and the fields of its module, see srfeat_jax/models.
  config.generator = ml_collections.ConfigDict()

  # The discriminators of images ("image") and of VGG-19's features of them
  # ("feature"); none in pre-training. `architecture` and fields of its module.
  config.discriminators = ml_collections.ConfigDict()
  # A run whose discriminators these start from; "" for a random start.
  config.init_discriminators_from = ""
  config.update_first = "discriminator"  # or "generator"
  # Updates of each discriminator, each with another batch, for every one of the
  # generator; `num_steps` counts the latter.
  config.discriminator_steps = 1
  # Of which part of a batch BatchNorm takes statistics: "global", all of it, or
  # "device", that of each device, which need not wait for the others.
  config.batch_statistics = "global"
  # Whether a generator's BatchNorm keeps the statistics, gamma and beta that it
  # starts with, as in the code of SRFeat's authors.
  config.freeze_batch_norm = False
  # Adversarial training from a random start mostly fails: ask for it if meant.
  config.allow_scratch = False
  # VGG-19, converted or as published; "" where no loss needs it.
  config.vgg_weights = ""
  # Whose weights the losses are set for: "caffe", "torchvision", whose features
  # are about 13 times smaller, or "" for any. Only checked; the file decides.
  config.vgg_preprocessing = ""
  # Whether they must have been converted with --clip; False takes any.
  config.vgg_clip = False

  # A term whose weight is 0 is left out.
  config.losses = ml_collections.ConfigDict()
  config.losses.pixel = "l1"  # "mse" or "charbonnier"; images are in [0, 1]
  config.losses.pixel_weight = 1.0
  # Against checkerboard artifacts, errors that repeat with every LR pixel,
  # which VGG-19, and discriminators early in training, hardly detect.
  config.losses.checkerboard_weight = 0.0
  # Against those that follow the content: steps between neighboring pixels
  # that are larger at some places of each LR pixel than at others.
  config.losses.phase_weight = 0.0
  config.losses.perceptual = "mse"  # or "l1"
  config.losses.perceptual_weight = 0.0
  # Weights by VGG-19's layer: "conv5_4" before its ReLU, "relu5_4" after. By
  # flag: --config.losses.perceptual_layers="{'relu2_2': 0.5, 'relu5_4': 1.0}"
  config.losses.perceptual_layers = ml_collections.ConfigDict()
  config.losses.feature_scale = 1 / 12.75  # of features, in whatever uses them
  config.losses.feature_layer = "relu5_4"  # the input of "feature"
  config.losses.ms_ssim_weight = 0.0  # 1 - MS-SSIM; 5 scales from 176 px on
  config.losses.fft_weight = 0.0  # L1 of Fourier transforms; SAFMN: 0.05
  # L1 where the residual looks like an artifact, by the EMA's output. LDL: 1.
  config.losses.ldl_weight = 0.0
  # L1 of feature maps inside of the discriminator "feature".
  config.losses.feature_matching_weight = 0.0
  # Or "saturating", "relativistic", "hinge", "least_squares".
  config.losses.adversarial = "vanilla"
  # Whether the gradient of a relativistic discriminator's loss stops at the
  # means: True as in BasicSR, False as in equation 1 of Wang et al. 2018.
  config.losses.relativistic_detach = True
  config.losses.adversarial_weight = 0.0  # for each discriminator
  config.losses.discriminator_weight = 1.0
  # Penalties on each discriminator's gradient: at real images (R1), and between
  # real and fake (WGAN-GP). Every so many steps, and then so many times them.
  config.losses.r1_weight = 0.0
  config.losses.gradient_penalty_weight = 0.0
  config.losses.penalty_every = 16

  config.optimizer = adam()
  config.learning_rate = piecewise(1e-4, boundaries=(), factors=())
  config.discriminator_optimizer = adam()
  config.discriminator_learning_rate = piecewise(
    1e-4, boundaries=(), factors=()
  )

  config.data = ml_collections.ConfigDict()
  # "synthetic", a folder, a prepared set, hr=FOLDER,lr=FOLDER, the same with
  # teacher=FOLDER after it, or several of them with weights:
  # FOLDER=WEIGHT,hr=FOLDER,lr=FOLDER=WEIGHT
  config.data.train = "synthetic"
  config.data.crop = "random"  # or "center"
  config.data.augment = True  # flips and rotations
  # Random crops cut from an image each time that it is decoded.
  config.data.crops_per_image = 1
  # Processes that read; 0: threads of this one; -1: a process for each core.
  config.data.num_workers = 0
  config.data.cache_gib = 2.0  # decoded images kept in memory
  # Whether all images are decoded once into the memory of the devices, which
  # then cut the crops: the same crops, without an input pipeline.
  config.data.on_device = False
  # Whether each file is decoded once before the run, to find damaged files,
  # duplicates and images of benchmark sets.
  config.data.check = True
  config.data.max_damaged = 0.01  # share of files; more of them stop the run
  # A folder of sets, "synthetic", or "" for no validation.
  config.data.benchmarks = ""
  config.data.sets = ()  # names of the sets to validate on; (): all

  config.validation = ml_collections.ConfigDict()
  # A file of `convert lpips`, to measure LPIPS, too; "": not measured.
  config.validation.lpips_weights = ""
  # Metrics of one's own, "FILE.py:FUNCTION", as `evaluate --metric` takes them.
  config.validation.metrics = ()
  # What the best checkpoint is best in: "lpips", "psnr_y", ..., "min:NAME" or
  # "max:NAME" of one's own; "": LPIPS of a GAN if it is measured, else PSNR.
  config.validation.best_metric = ""
  # Fractions of the run: the first validation from each of them on writes its
  # output for a few images as `snapshots/`, which `report` shows; (): none.
  config.validation.snapshots = (0.0, 0.5, 1.0)

  config.log_every = 100
  config.eval_every = 1000
  config.checkpoint_every = 1000
  config.keep_checkpoints = 3  # the newest; the best one stays, too
  config.keep_every = 0  # steps; checkpoints of multiples stay; 0: none
  # The first and the last step of which a profile is written; (): none.
  config.profile_steps = ()
  return config


def adam() -> ml_collections.ConfigDict:
  """Adam's usual settings."""
  config = ml_collections.ConfigDict()
  # Or "adamw", or "schedule_free_adam", which wants a constant learning rate
  # after a warm-up, and whose own average stands in for `ema_decay`.
  config.kind = "adam"
  config.weight_decay = 0.0  # of all but "adam", times the learning rate
  config.b1 = 0.9
  config.b2 = 0.999
  config.eps = 1e-8
  config.clip_norm = 0.0  # largest norm of the gradient; 0: any
  return config


def piecewise(
  peak: float, boundaries: tuple[float, ...], factors: tuple[float, ...]
) -> ml_collections.ConfigDict:
  """A learning rate times a factor from each boundary on.

  Boundaries are fractions of the run, so that a shorter run has the same shape.
  """
  config = cosine(peak, final=0.0, until=1.0)
  config.schedule = "piecewise"
  config.boundaries = boundaries
  config.factors = factors
  return config


def cosine(
  peak: float,
  final: float,
  until: float,
  warmup: float = 0.0,
  cycles: int = 1,
) -> ml_collections.ConfigDict:
  """A learning rate that falls along half a cosine, then stays.

  `until` is the fraction of the run at which `final` is reached, `warmup` the
  one in which the rate first rises in a line. In between it falls `cycles`
  times, each time from the peak, and takes as long each time.
  """
  config = ml_collections.ConfigDict()
  # Or "piecewise", by flag too: all have the fields of both.
  config.schedule = "cosine"
  config.peak = peak
  config.warmup = warmup  # of both schedules
  config.final = final
  config.until = until
  config.cycles = cycles
  config.boundaries = ()
  config.factors = ()
  return config
