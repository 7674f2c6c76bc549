"""How LR is made from HR in training: presets for `config.degradation`.

bicubic  MATLAB's bicubic, as the field's test sets are made. The default.
photo    Real-ESRGAN's second-order degradation with its published parameters
         (Wang et al. 2021): photographs that were shared again and again.
camera   Light blur, little noise and one JPEG of quality 60 to 98: photographs
         as a phone saves them.
mixed    From clean images over camera's to somewhat less than photo's: the
         preset of srfeat-photo.

A function of your own:
`config.degradation = degradations.custom("MODULE:NAME")`, or
--config.degradation.kind=custom --config.degradation.function=MODULE:NAME.
It takes HR, float32 [b, s, s, 3] in [0, 1], a key and the scale, must be
traceable by jax.jit, and returns LR, float32 [b, s / scale, s / scale, 3].
"""

import ml_collections


def bicubic() -> ml_collections.ConfigDict:
  """MATLAB's bicubic; of the other fields, this kind reads none."""
  config = photo()
  config.kind = "bicubic"
  return config


def custom(function: str) -> ml_collections.ConfigDict:
  """A function of your own, by "MODULE:NAME"."""
  config = photo()
  config.kind = "custom"
  config.function = function
  return config


def photo() -> ml_collections.ConfigDict:
  """Real-ESRGAN's, as published."""
  config = ml_collections.ConfigDict()
  config.kind = "photo"  # "bicubic", "photo" or "custom"
  config.function = ""  # of kind "custom": "module:name"
  # Share of images whose LR is nevertheless clean bicubic.
  config.clean_probability = 0.0
  # Share of images that go through the first stage; 0 leaves it out.
  config.first_probability = 1.0
  config.first = _stage(
    blur_probability=1.0,
    sigma=(0.2, 3.0),
    resize_directions=(0.2, 0.7, 0.1),
    resize_range=(0.15, 1.5),
    noise_sigma=(1.0, 30.0),
    poisson_scale=(0.05, 3.0),
  )
  # Its resizing is relative to the LR size.
  config.second = _stage(
    blur_probability=0.8,
    sigma=(0.2, 1.5),
    resize_directions=(0.3, 0.4, 0.3),
    resize_range=(0.3, 1.2),
    noise_sigma=(1.0, 25.0),
    poisson_scale=(0.05, 2.5),
  )
  # Share of images with a sinc filter at the LR size, before or after the last
  # JPEG.
  config.last_sinc_probability = 0.8
  return config


def camera() -> ml_collections.ConfigDict:
  """A single stage, mild."""
  config = photo()
  config.clean_probability = 0.1
  config.first_probability = 0.0
  second = config.second
  second.blur_probability = 0.5
  # In HR pixels: shrinking by 4 leaves a quarter.
  second.sigma = (0.2, 2.5)
  second.sinc_probability = 0.0
  second.resize_directions = (0.0, 0.0, 1.0)
  second.resize_kernels = (1.0, 0.0, 0.0, 2.0)
  second.noise_probability = 0.5
  second.noise_sigma = (0.5, 6.0)
  second.poisson_scale = (0.05, 0.6)
  second.jpeg_quality = (60.0, 98.0)
  config.last_sinc_probability = 0.1
  return config


def mixed() -> ml_collections.ConfigDict:
  """Clean, camera and heavily degraded photographs, for one network for all."""
  config = photo()
  config.clean_probability = 0.15
  config.first_probability = 0.4
  config.first.resize_range = (0.3, 1.2)
  config.first.noise_sigma = (1.0, 15.0)
  config.first.poisson_scale = (0.05, 1.5)
  config.first.jpeg_quality = (40.0, 95.0)
  second = config.second
  second.blur_probability = 0.6
  second.sigma = (0.2, 2.0)
  second.resize_directions = (0.15, 0.25, 0.6)
  second.resize_range = (0.5, 1.2)
  second.resize_kernels = (1.0, 1.0, 1.0, 2.0)
  second.noise_probability = 0.6
  second.noise_sigma = (0.5, 15.0)
  second.poisson_scale = (0.05, 1.5)
  second.jpeg_quality = (35.0, 98.0)
  second.jpeg_probability = 0.9
  config.last_sinc_probability = 0.4
  return config


def _stage(
  *,
  blur_probability: float,
  sigma: tuple[float, float],
  resize_directions: tuple[float, float, float],
  resize_range: tuple[float, float],
  noise_sigma: tuple[float, float],
  poisson_scale: tuple[float, float],
) -> ml_collections.ConfigDict:
  config = ml_collections.ConfigDict()
  config.blur_probability = blur_probability
  config.kernel_size = (7, 21)  # odd sides
  # Relative shares of Gaussians, generalized Gaussians and plateaus, each
  # isotropic and anisotropic.
  config.kernels = (0.45, 0.25, 0.12, 0.03, 0.12, 0.03)
  config.sinc_probability = 0.1  # of a sinc filter instead of these
  config.sigma = sigma  # pixels
  config.generalized_beta = (0.5, 4.0)
  config.plateau_beta = (1.0, 2.0)
  config.resize_directions = resize_directions  # shares of up, down and keep
  config.resize_range = resize_range  # smallest and largest factor
  # Shares of area, bilinear, bicubic, and bicubic with antialiasing.
  config.resize_kernels = (1.0, 1.0, 1.0, 0.0)
  config.noise_probability = 1.0
  config.gaussian_probability = 0.5  # else Poisson
  config.noise_sigma = noise_sigma  # 8-bit levels (0 to 255)
  config.poisson_scale = poisson_scale  # what Poisson noise is multiplied by
  config.gray_noise_probability = 0.4  # the same noise in all channels
  config.jpeg_probability = 1.0
  config.jpeg_quality = (30.0, 95.0)
  return config
