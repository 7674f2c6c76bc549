"""The variants of the configs of adversarial training."""

GAN_VARIANTS = (
  "srfeat",
  "srfeat_nobn",
  "srfeat_official",
  "srgan_mse",
  "srgan_vgg22",
  "srgan_vgg54",
  "srgan_mirflickr",
  "esrgan",
  "srfeat_lite",
  "srgan_lite",
  "esrgan_lite",
)
