"""The networks of a run: VGG-19 of the right kind, all sizes that fit."""

import functools
from unittest import mock

import jax
import jax.numpy as jnp
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.configs import gan
from srfeat_jax.interchange import vgg19_file
from srfeat_jax.models import vgg19
from srfeat_jax.training import networks
from tests.support import image_files, vgg19_files

CAFFE = vgg19_files.CAFFE
KINDS = {
  "caffe": CAFFE,
  "clipping": CAFFE | {"clip": True},
  "torchvision": vgg19_files.TORCHVISION,
}
# The kinds that each variant takes.
TAKES = {name: {"caffe", "clipping"} for name in gan.VARIANTS} | {
  "srfeat_official": {"clipping"},
  "srgan_mse": set(KINDS),  # it needs none
  "esrgan": {"torchvision"},
}
SHA256 = "dcbb9e9dad569fff7a846263a77324fc34978fea2bfb039c012d710e1776ae44"
MD5 = "253f8cb515780f3b799900260a226db6"


@functools.cache
def shapes() -> dict:
  """VGG-19's variables, without their numbers."""
  network = vgg19.VGG19(("conv5_4",))
  image = jnp.zeros((1, 32, 32, 3))
  return jax.eval_shape(network.init, jax.random.key(0), image)


class NetworksTest(image_files.FolderTestCase):
  def setUp(self):
    super().setUp()
    self.vgg = self.file("vgg", b"its content is told by load")

  def config(self, variant: str):
    config = gan.get_config(variant)
    config.vgg_weights = str(self.vgg)
    return config

  def build(self, config, kind: str = "caffe"):
    source = vgg19_file.Source(kind, KINDS[kind], shapes())
    with mock.patch.object(vgg19_file, "load", return_value=source):
      return networks.build(config)

  def refused(self, config, kind: str = "caffe") -> str:
    with self.assertRaises(errors.InputError) as caught:
      self.build(config, kind)
    return str(caught.exception)

  @parameterized.product(
    variant=tuple(gan.VARIANTS), kind=("caffe", "clipping", "torchvision")
  )
  def test_every_variant_with_vgg_of_each_kind(self, variant, kind):
    config = self.config(variant)
    if kind in TAKES[variant]:
      built, variables = self.build(config, kind)
      self.assertEqual(set(built.discriminators), set(config.discriminators))
      self.assertEqual(built.vgg is None, variant == "srgan_mse")
      self.assertEqual(bool(variables), variant != "srgan_mse")
      return
    sentence = self.refused(config, kind)
    self.assertIn(f"config.vgg_weights={self.vgg}", sentence)
    if kind == "caffe" and variant == "srfeat_official":
      self.assertIn("config.vgg_clip=False", sentence)
      self.assertIn(".safetensors --clip", sentence)
    else:
      other = KINDS[kind]["preprocessing"]
      self.assertIn(f"set config.vgg_preprocessing={other}", sentence)
    self.assertIn(SHA256 if variant == "esrgan" else MD5, sentence)

  def test_other_weights_can_be_meant(self):
    config = self.config("esrgan")
    for wanted in ("caffe", ""):
      config.vgg_preprocessing = wanted
      self.build(config)

  def test_unknown_preprocessing(self):
    config = self.config("esrgan")
    config.vgg_preprocessing = "keras"
    self.assertIn('vgg_preprocessing is "keras"', self.refused(config))

  @parameterized.parameters(
    (
      "esrgan",
      "vgg19-dcbb9e9d.pth",
      f"sha256 {SHA256}",
      "vgg19 vgg19-",
    ),
    ("srfeat", "kernels_notop.h5", f"MD5 {MD5}", "launch/install.sh convert"),
    ("srfeat_official", "kernels_notop.h5", MD5, "vgg19.safetensors --clip"),
  )
  def test_missing_file(self, variant, *parts):
    for path in ("", str(self.folder / "nope.pth")):
      config = self.config(variant)
      config.vgg_weights = path
      with self.assertRaises(errors.InputError) as caught:
        networks.build(config)
      for part in (f'config.vgg_weights is "{path}"', *parts):
        self.assertIn(part, str(caught.exception))

  def test_a_file_that_is_refused_is_named_by_its_field(self):
    with self.assertRaisesRegex(
      errors.InputError,
      f"config.vgg_weights: {self.vgg} is not a file with VGG",
    ):
      networks.build(self.config("esrgan"))

  def test_layers_that_do_not_exist(self):
    config = self.config("srfeat")
    config.losses.feature_layer = "relu6_1"
    sentence = self.refused(config)
    self.assertIn("config.losses.feature_layer: VGG-19 has no", sentence)
    self.assertIn('"relu6_1"; expected convI_J', sentence)
    self.assertLess(len(sentence), 250)
    config = self.config("srfeat")
    config.losses.perceptual_layers = {"relu5_4": 1.0, "conv5_5": 1.0}
    self.assertIn(
      'config.losses.perceptual_layers: VGG-19 has no layer "conv5_5"',
      self.refused(config),
    )

  def test_all_discriminators_that_do_not_fit_are_told_at_once(self):
    config = self.config("srfeat")
    config.crop_size = 128
    config.discriminators.image.input_size = 296
    config.discriminators.feature.input_size = 19
    sentence = self.refused(config)
    for part in ("image.input_size", "128x128", "feature.input_size", "8x8"):
      self.assertIn(part, sentence)

  @parameterized.parameters(
    ("srfeat", 96, {"image": 96, "feature": 6}),
    ("srfeat", 100, {"image": 100, "feature": 7}),
    ("srgan_vgg54", 128, {"image": 128}),
    ("esrgan", 96, {"image": 96}),
    ("srfeat_lite", 48, {"image": 48, "feature": 3}),
  )
  def test_discriminators_follow_the_crop(self, variant, crop_size, expected):
    config = self.config(variant)
    config.crop_size = crop_size
    kind = "torchvision" if variant == "esrgan" else "caffe"
    built, _ = self.build(config, kind)
    sizes = {
      name: each.input_size for name, each in built.discriminators.items()
    }
    self.assertEqual(sizes, expected)
    shapes = jax.eval_shape(built.init, jax.random.key(0))[1]
    self.assertEqual(set(shapes), set(expected))

  def test_no_network_is_drawn_from_the_key_that_others_are_folded_from(self):
    keys = []

    class Recorder:
      def init(self, key, x):
        del x
        keys.append(tuple(jax.random.key_data(key).tolist()))
        return {}

    root = jax.random.key(5)
    shapes = dict.fromkeys(networks.ROLES, (1, 8, 8, 3))
    discriminators = {name: Recorder() for name in shapes}
    networks.Networks(Recorder(), None, discriminators, shapes).init(root)
    self.assertLen(set(keys), 3)
    self.assertNotIn(tuple(jax.random.key_data(root).tolist()), keys)

  def test_a_size_that_is_set_stays(self):
    config = self.config("srfeat_lite")
    config.discriminators.image.input_size = 96
    built, _ = self.build(config)
    self.assertEqual(built.discriminators["image"].input_size, 96)
    config.crop_size = 48
    sentence = self.refused(config)
    self.assertIn(
      "image.input_size: the discriminator is built for 96x96", sentence
    )
    self.assertIn("set it to 0", sentence)
    self.assertNotIn("feature", sentence)

  def test_the_scale_is_told_before_the_discriminators_size(self):
    config = self.config("srfeat")
    config.crop_size = 130
    sentence = self.refused(config)
    self.assertIn("crop_size is 130, which is not divisible", sentence)
    self.assertNotIn("discriminator", sentence)

  def test_unknown_discriminator(self):
    config = self.config("srfeat")
    config.discriminators.sound = config.discriminators.image
    self.assertIn("config.discriminators has sound", self.refused(config))


if __name__ == "__main__":
  absltest.main()
