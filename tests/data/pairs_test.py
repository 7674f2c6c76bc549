"""HR images with LR images of their own, and perhaps a teacher's output."""

import contextlib
import itertools
import pathlib
import pickle

import numpy as np
from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.data import pairs, pipeline, sources
from tests.support import image_files

SCALE = 3
TAUGHT = 100  # what numbers of a teacher's output have more than those of HR


def coded(number: int, height: int, width: int, step: int = 1) -> np.ndarray:
  """An image whose pixels say their number, row and column in LR."""
  rows, columns = np.mgrid[:height, :width] // step
  channels = [np.full_like(rows, number), rows, columns]
  return np.stack(channels, -1).astype(np.uint8)


class PairsTestCase(image_files.FolderTestCase):
  def hr(self, name: str, number: int = 0, size=(36, 45)) -> pathlib.Path:
    image = coded(number, *size, step=SCALE)
    return self.file(f"hr/{name}", image_files.encode(image, "PNG"))

  def lr(self, name: str, number: int = 0, size=(12, 15)) -> pathlib.Path:
    image = coded(number, *size)
    return self.file(f"lr/{name}", image_files.encode(image, "PNG"))

  def teacher(self, name: str, number: int = 0, size=(36, 45)) -> pathlib.Path:
    image = coded(TAUGHT + number, *size, step=SCALE)
    return self.file(f"teacher/{name}", image_files.encode(image, "PNG"))

  def open(
    self, scale: int = SCALE, min_size: int = 12, teacher: str = ""
  ) -> pairs.Folders:
    hr, lr, *others = (
      str(self.folder / name) for name in ("hr", "lr", teacher) if name
    )
    return pairs.Folders(hr, lr, scale, min_size, *others)

  def sentence(self, **options) -> str:
    with self.assertRaises(errors.InputError) as caught:
      self.open(**options)
    self.assertLen(str(caught.exception).splitlines(), 1)
    return str(caught.exception)


class NamesTest(PairsTestCase):
  @parameterized.parameters(
    ("a.png", "a.png"),
    ("0801.png", "0801x3.png"),
    ("0801.png", "0801_x3.png"),
    ("0801.png", "0801X3.png"),
    ("a.png", "a_LR.png"),
    ("a.png", "a-lr.png"),
    ("a_HR.png", "a_LR.png"),
    ("img_001_SRF_3_HR.png", "img_001_SRF_3_LR.png"),
    ("a.png", "a_LRx3.png"),
    ("a_GT.png", "a 3x.png"),
    ("sub/a.png", "sub/ax3.png"),
    ("uhr.png", "uhr_LR.png"),
    ("x3.png", "x3.png"),
    ("a.b.png", "a.bx3.png"),
    ("a.png", "ax3.jpg"),
  )
  def test_partners(self, hr, lr):
    self.hr(hr, 7)
    path = self.lr("other.png", 7)
    (self.folder / "lr" / lr).parent.mkdir(exist_ok=True)
    path.rename(self.folder / "lr" / lr)
    with self.assertNoLogs(level="WARNING"):
      source = self.open()
    self.assertLen(source, 1)
    self.assertEqual(source[0].hr.shape, (36, 45, 3))
    np.testing.assert_array_equal(source[0].lr, coded(7, 12, 15))

  @parameterized.parameters(
    ("a.png", "b.png"),
    ("a.png", "ax4.png"),
    ("a.png", "alr.png"),
    ("uhr.png", "u.png"),
    ("one/a.png", "a.png"),
    ("one/a.png", "two/a.png"),
  )
  def test_no_partners(self, hr, lr):
    self.hr(hr)
    self.lr(lr)
    sentence = self.sentence()
    self.assertIn("has a partner in the other folder: expected the", sentence)
    self.assertIn("with or without x3 or _LR at the end, and there", sentence)
    self.assertEndsWith(sentence, f"are {hr} and {lr}")

  def test_files_without_a_partner_are_told(self):
    for i in range(3):
      self.hr(f"{i}.png")
      self.lr(f"{i + 1}x3.png")
    with self.assertLogs(level="WARNING") as logs:
      self.assertLen(self.open(), 2)
    text = "\n".join(logs.output)
    self.assertRegex(text, r"skipped: .*hr/0\.png has no partner in .*/lr")
    self.assertRegex(text, r"skipped: .*lr/3x3\.png has no partner in .*/hr")
    self.assertLen(logs.output, 4)

  def test_the_same_name_goes_before_marks(self):
    self.hr("a.png", 1)
    self.lr("a.png", 1)
    self.lr("ax3.png", 2)
    with self.assertLogs(level="WARNING") as logs:
      source = self.open()
    self.assertEqual(source[0].lr[0, 0, 0], 1)
    self.assertIn("ax3.png has no partner", logs.output[0])

  def test_several_partners(self):
    self.hr("a.png")
    self.lr("ax3.png")
    self.lr("a_LR.png")
    self.assertRegex(
      self.sentence(),
      r"lr/a_LR.png and .*lr/ax3.png both go with .*hr/a.png by their names:"
      " rename or remove one$",
    )

  def test_a_folder_is_missing(self):
    self.hr("a.png")
    self.assertIn("lr cannot be read: No such file", self.sentence())


class SizesTest(PairsTestCase):
  @parameterized.parameters((36, 12), (37, 12), (38, 12), (37, 13), (38, 13))
  def test_what_is_shown_by_both_is_used(self, height, lr_height):
    self.hr("a.png", size=(height, 45))
    self.lr("a.png", size=(lr_height, 15))
    hr, lr, teacher = self.open()[0]
    self.assertEqual(hr.shape, (height, 45, 3))
    self.assertEqual(lr.shape, (12, 15, 3))
    np.testing.assert_array_equal(hr[:36:SCALE, ::SCALE], lr)
    self.assertIsNone(teacher)
    # As `upscale` writes it, or as large as HR.
    for taught_height in (SCALE * lr_height, height):
      self.teacher("a_LRx3.png", size=(taught_height, 45))
      source = self.open(teacher="teacher")
      sizes = source.sizes[0]
      self.assertEqual(sizes, ((height, 45), (12, 15), (36, 45)))
      _, same, teacher = source[0]
      np.testing.assert_array_equal(same, lr)
      np.testing.assert_array_equal(teacher, coded(TAUGHT, 36, 45, SCALE))

  def test_sizes_that_do_not_divide_are_told(self):
    for name in "abc":
      self.hr(f"{name}.png", size=(36 if name == "a" else 37, 45))
      self.lr(f"{name}.png")
    with self.assertLogs(level="WARNING") as logs:
      self.open()
    (line,) = logs.output
    self.assertRegex(
      line, r"2 of 3 HR images, such as .*b.png, are no multiple of 3 pixels"
    )

  def test_other_sizes_are_skipped(self):
    for i, size in enumerate([(12, 15), (11, 15), (18, 22), (36, 45)]):
      self.hr(f"{i}.png")
      self.lr(f"{i}.png", size=size)
    with self.assertLogs(level="WARNING") as logs:
      self.assertLen(self.open(), 1)
    text = "\n".join(logs.output)
    self.assertIn("hr/1.png: HR is 45x36 and LR 15x11", text)
    self.assertIn(
      "3 files do not fit the size of their partners at a scale", text
    )

  def test_a_teacher_s_output_that_does_not_fit(self):
    for i, size in enumerate([(36, 45), (36, 44), (12, 15)]):
      self.hr(f"{i}.png")
      self.lr(f"{i}.png")
      self.teacher(f"{i}.png", size=size)
    self.hr("3.png")
    self.lr("3.png")
    with self.assertLogs(level="WARNING") as logs:
      self.assertLen(self.open(teacher="teacher"), 1)
    text = "\n".join(logs.output)
    self.assertRegex(text, r"hr/3\.png has no partner in .*/teacher")
    self.assertIn(
      "hr/2.png: the teacher's output is 15x12, and LR 15x12: expected 45x36, 3"
      " times that, or 45x36 as HR",
      text,
    )
    (self.folder / "teacher/0.png").unlink()
    with self.assertLogs(level="WARNING"):
      sentence = self.sentence(teacher="teacher")
    self.assertRegex(
      sentence, r"3, such as .*1\.png: the teacher's .* is 44x36"
    )
    self.assertIn("cannot be read: No such", self.sentence(teacher="nowhere"))

  def test_small_ones_are_skipped(self):
    for name, rows in (("a", 4), ("b", 5)):
      self.hr(f"{name}.png", size=(3 * rows, 45))
      self.lr(f"{name}.png", size=(rows, 15))
    with self.assertLogs(level="WARNING") as logs:
      self.assertLen(self.open(min_size=15), 1)
    self.assertIn("a.png is 45x12", logs.output[0])

  def test_none_is_left(self):
    self.hr("a.png")
    self.lr("a.png")
    with self.assertLogs(level="WARNING"):
      sentence = self.sentence(scale=4)
    self.assertRegex(
      sentence,
      r"none of the 1 pairs of config.data.train can be used: 1 are not of"
      r" scale 4, such as .*a.png: HR is 45x36 and LR 15x12; .*; name LR images"
      r" of config.generator.scale, or set that",
    )

  def test_damaged_ones(self):
    for name in "abc":
      self.hr(f"{name}.png", ord(name))
      self.lr(f"{name}.png", ord(name))
    damaged = self.folder / "lr" / "b.png"
    damaged.write_bytes(damaged.read_bytes()[:60])
    (self.folder / "hr" / "c.png").write_bytes(b"")
    with self.assertLogs(level="WARNING") as logs:
      source = self.open()
      copy = pickle.loads(pickle.dumps(source))
      for each in (source, copy, copy):
        self.assertEqual(each[1].lr[0, 0, 0], ord("a"))  # in place of b
    self.assertLen(source, 2)
    self.assertEqual(sum("c.png" in line for line in logs.output), 1)
    self.assertEqual(sum("b.png" in line for line in logs.output), 1)


class CropsTest(PairsTestCase):
  def setUp(self):
    super().setUp()
    for i in range(5):
      self.hr(f"{i}.png", i, size=(37, 46))
      self.lr(f"{i}x3.png", i, size=(13, 16))
      self.teacher(f"{i}x3.png", i, size=(39, 48))

  def batches(self, train: str, **options):
    created, weights = sources.create(train, 12, 1e6, SCALE)
    settings = {
      **{"crop_size": 12, "crop": "random", "augment": True},
      **{"batch_size": 20, "seed": 0},
    }
    iterator = pipeline.create(created, weights, **settings | options)
    self.addCleanup(iterator.close)
    return iterator

  @property
  def pairs_(self) -> str:
    return f"hr={self.folder}/hr,lr={self.folder}/lr"

  @parameterized.parameters(
    ("random", True, {}),
    ("random", True, {"num_workers": 1, "crops_per_image": 2}, True),
    ("random", False, {}, True),
    ("center", True, {}, True),
    ("center", False, {}),
  )
  def test_all_are_cut_alike(self, crop, augment, options, taught=False):
    train = self.pairs_ + taught * f",teacher={self.folder}/teacher"
    batches = self.batches(train, crop=crop, augment=augment, **options)
    seen = set()
    for batch in itertools.islice(batches, 4):
      names = {"hr", "lr", "teacher"} if taught else {"hr", "lr"}
      self.assertEqual(set(batch), names)
      self.assertEqual(batch["hr"].shape, (20, 12, 12, 3))
      self.assertEqual(batch["lr"].shape, (20, 4, 4, 3))
      # Every HR pixel says which LR pixel it belongs to.
      shown = batch["lr"].repeat(SCALE, axis=1).repeat(SCALE, axis=2)
      np.testing.assert_array_equal(batch["hr"], shown)
      if taught:
        shown += np.uint8([TAUGHT, 0, 0])
        np.testing.assert_array_equal(batch["teacher"], shown)
      seen |= {crop.tobytes() for crop in batch["lr"]}
    # Five images, at one place or many, in one orientation or eight.
    if crop == "center" and not augment:
      self.assertLen(seen, 5)
    else:
      self.assertGreater(len(seen), 20)

  def test_a_center_crop_is_in_the_middle(self):
    batch = next(self.batches(self.pairs_, crop="center", augment=False))
    np.testing.assert_array_equal(batch["lr"][0, :, 0, 1], [4, 5, 6, 7])
    np.testing.assert_array_equal(batch["lr"][0, 0, :, 2], [5, 6, 7, 8])

  def test_mixed_with_other_sources(self):
    self.file("more/a.png", image_files.encode(coded(99, 20, 20), "PNG"))
    train = f"{self.folder}/more=3,{self.pairs_}=1"
    batch = next(self.batches(train, batch_size=400, crops_per_image=2))
    is_pair = batch["is_pair"]
    self.assertEqual(is_pair.dtype, bool)
    self.assertBetween(is_pair.mean(), 0.2, 0.3)
    self.assertTrue((batch["hr"][~is_pair][..., 0] == 99).all())
    self.assertFalse(batch["lr"][~is_pair].any())
    shown = batch["lr"].repeat(SCALE, axis=1).repeat(SCALE, axis=2)
    np.testing.assert_array_equal(batch["hr"][is_pair], shown[is_pair])

  def test_go_on_where_they_were(self):
    first, second = self.batches(self.pairs_), self.batches(self.pairs_)
    for _ in range(3):
      next(first)
    second.set_state(first.get_state())
    for ours, theirs in zip(
      itertools.islice(first, 3), itertools.islice(second, 3), strict=True
    ):
      for name in ("hr", "lr"):
        np.testing.assert_array_equal(ours[name], theirs[name])


class FlagTest(PairsTestCase):
  @parameterized.parameters(
    ("hr={0}/hr,lr={0}/lr", [True], [1]),
    ("hr={0}/hr, lr={0}/lr=3,{0}/hr", [True, False], [0.75, 0.25]),
    ("{0}/lr,hr={0}/hr,lr={0}/lr", [False, True], [0.5, 0.5]),
    (
      "hr={0}/hr,lr={0}/lr, teacher={0}/hr=3,"
      "hr={0}/hr,lr={0}/lr,teacher={0}/hr",
      *([True, True], [0.75, 0.25], True),
    ),
  )
  def test_understood(self, train, paired, weights, taught=False):
    self.hr("a.png")
    self.lr("a.png")
    created, received = sources.create(
      train.format(self.folder), 12, 1e6, SCALE
    )
    self.assertEqual(received, weights)
    for source, pairs_are_there in zip(created, paired, strict=True):
      self.assertLen(source, 1)
      self.assertEqual("1 pairs, " in source.identity, pairs_are_there)
      self.assertEqual(source.pair_scale, SCALE if pairs_are_there else None)
      self.assertEqual(source.has_teacher, taught)

  @parameterized.parameters(
    *("hr=a", "hr=a,b", "hr=a,lr=", "hr=a,hr=b", "hr=a=2,lr=b", "hr=a,lr=0.5"),
    *("lr=a,hr=a", "lr=a/b", "teacher=a", "hr=a,teacher=b,lr=c"),
    *("hr=a,lr=b,teacher=c,teacher=d", "hr=a,lr=b=2,teacher=c"),
  )
  def test_not_understood(self, train):
    with self.assertRaisesRegex(
      errors.InputError,
      r'config.data.train has "\S+": expected pairs as hr=FOLDER,lr=FOLDER or',
    ):
      sources.create(train, 12, 1e6, SCALE)

  @parameterized.parameters("{0}/hr", "hr={0}/hr,lr={0}/lr", "synthetic")
  def test_only_some_with_a_teacher_s_output(self, other):
    self.hr("a.png")
    self.lr("a.png")
    train = "hr={0}/hr,lr={0}/lr,teacher={0}/hr,"
    with self.assertRaisesRegex(
      errors.InputError, "a teacher's output for .*, and none for .* all or for"
    ):
      sources.create((train + other).format(self.folder), 12, 1e6, SCALE)

  def test_folders_that_are_called_so(self):
    self.hr("a.png")
    self.lr("a.png")
    with contextlib.chdir(self.folder):
      created, weights = sources.create("hr=3,lr=1", 12, 1e6, SCALE)
    self.assertEqual(weights, [0.75, 0.25])
    self.assertEqual([source.pair_scale for source in created], [None, None])


if __name__ == "__main__":
  absltest.main()
