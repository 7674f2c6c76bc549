"""Tests of the program upscale, run as a person runs it, and of its parts."""

import io
import os
import subprocess
import unittest

import jax.numpy as jnp
import numpy as np
from absl.testing import absltest, parameterized
from PIL import Image

import srfeat_jax
from srfeat_jax import errors
from srfeat_jax.image_io import images, pictures
from srfeat_jax.inference import upscaler
from srfeat_jax.ops import resize
from srfeat_jax.upscaling import jobs, picture_upscaling, transparency
from tests.support import image_files, picture_kinds, programs

_BICUBIC = "--weights=bicubic"


class UpscaleTestCase(programs.ProgramTestCase):
  def upscale(self, *arguments, **options) -> subprocess.CompletedProcess:
    options.setdefault("env", {"XDG_CACHE_HOME": str(self.folder / "cache")})
    return programs.run("upscale", *arguments, **options)

  def written(self) -> list[str]:
    out = self.folder / "out"
    return sorted(
      path.relative_to(out).as_posix()
      for path in out.rglob("*")
      if path.is_file()
    )

  @property
  def output(self) -> str:
    return f"--output={self.folder / 'out'}"


class ProgramTest(UpscaleTestCase):
  def test_files_folders_and_patterns_around_the_flags(self):
    self.write("in/a.png", 5, 6, 3)
    self.write("in/deep/b.v2.JPG", 6, 5, 3)
    gray = self.write("other/gray.tif", 4, 7)
    self.write("tree/x/c.bmp", 4, 4, 3)
    self.write("tree/x/y/d.webp", 4, 4, 3)
    self.write("tree/e.png", 4, 4, 3)
    self.file("tree/x/notes.txt")
    out = self.folder / "out"
    result = self.upscale(
      *(self.folder / "in", _BICUBIC, self.output, gray),
      self.folder / "tree/**/?.[bw]*",
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertEqual(
      self.written(),
      ["a.png", "deep/b.v2.JPG", "gray.tif", "x/c.bmp", "x/y/d.webp"],
    )
    for source, target in (
      (self.folder / "in/a.png", "a.png"),
      (gray, "gray.tif"),
    ):
      expected = upscaler.bicubic(images.read(source))
      np.testing.assert_array_equal(images.read(out / target), expected)
      self.assertIn(f"{source} -> {out / target}", result.stdout)
    self.assertEqual(images.size(out / "deep/b.v2.JPG"), (24, 20))

  def test_weights_and_tiles(self):
    source, weights = self.write("a.png", 40, 50, 3), self.weights()
    written = []
    for tile in ("auto", 24):
      target = self.folder / f"new/{tile}.png"
      result = self.upscale(
        *(source, f"--weights={weights}", f"--output={target}"),
        *(f"--tile={tile}", "--memory=500MB", "--precision=float32"),
        env={
          "XDG_CACHE_HOME": str(self.folder / "cache"),
          "JAX_COMPILATION_CACHE_DIR": "",
        },
      )
      self.assertEqual(result.returncode, 0, result.stderr)
      written.append(images.read(target).astype(int))
    self.assertEqual(written[0].shape, (160, 200, 3))
    self.assertLessEqual(np.abs(written[0] - written[1]).max(), 1)
    self.assertNotEmpty(list((self.folder / "cache/srfeat_jax").iterdir()))

  def test_all_kinds_at_once(self):
    for index, (name, content) in enumerate(picture_kinds.KINDS.values()):
      self.file(f"in/{index:02}{name[1:]}", content())
    outcomes = [picture_kinds.outcome(kind) for kind in picture_kinds.KINDS]
    bad = [index for index, text in enumerate(outcomes) if "error" in text]
    result = self.upscale(self.folder / "in", _BICUBIC, self.output)
    self.assertEqual(result.returncode, 1)
    *sentences, summary = result.stderr.splitlines()
    self.assertLen(sentences, len(bad))
    for index, sentence in zip(bad, sentences, strict=True):
      self.assertStartsWith(sentence, f"error: {self.folder}/in/{index:02}.")
    self.assertEqual(summary, f"{len(bad)} failed, see above")
    self.assertLen(self.written(), len(outcomes) - len(bad))
    self.assertIn("CMYK became sRGB by its profile", result.stdout)

  def test_going_on_after_an_interruption(self):
    for name in "abc":
      self.write(f"in/{name}.png", 5, 6, 3)
    kept = self.file("out/b.png", b"half a day's work")
    arguments = (self.folder / "in", _BICUBIC, self.output)
    result = self.upscale(*arguments)
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn(f"{kept} exists: kept", result.stdout)
    self.assertEqual(kept.read_bytes(), b"half a day's work")
    self.assertEqual(self.written(), ["a.png", "b.png", "c.png"])
    result = self.upscale(*arguments)
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn("a.png and 2 more exist: kept", result.stdout)
    result = self.upscale(*arguments, "--overwrite")
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertEqual(images.size(kept), (20, 24))

  def test_names_formats_quality_and_scale(self):
    self.write("in/a.png", 60, 50, 3)
    self.write("in/b.jpg", 6, 5, 3)
    sizes = []
    for quality in (20, 95):
      result = self.upscale(
        *(self.folder / "in", _BICUBIC, self.output, "--format=jpeg"),
        *("--pattern={name}@2.5x.{format}", "--outscale=2.5"),
        *(f"--quality={quality}", "--overwrite"),
      )
      self.assertEqual(result.returncode, 0, result.stderr)
      self.assertEqual(self.written(), ["a@2.5x.jpg", "b@2.5x.jpg"])
      path = self.folder / "out/a@2.5x.jpg"
      self.assertEqual(images.size(path), (150, 125))
      self.assertEqual(images.size(self.folder / "out/b@2.5x.jpg"), (15, 13))
      sizes.append(path.stat().st_size)
    self.assertLess(2 * sizes[0], sizes[1])

  def test_into_the_folder_of_the_inputs(self):
    png = self.write("a.png", 4, 4, 3)
    result = self.upscale(
      png, _BICUBIC, f"--output={self.folder}", "--pattern={name}_x4.{format}"
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertEqual(images.size(self.folder / "a_x4.png"), (16, 16))

  def test_parts_of_the_work(self):
    for index in range(5):
      self.write(f"in/{index}.png", 4, 4, 3)
    for part, names in (
      ("2/3", ["1.png", "4.png"]),
      ("3/3", ["1.png", "2.png", "4.png"]),
      ("1/3", [f"{index}.png" for index in range(5)]),
    ):
      arguments = (self.folder / "in", _BICUBIC, self.output)
      result = self.upscale(*arguments, f"--shard={part}")
      self.assertEqual(result.returncode, 0, result.stderr)
      self.assertEqual(self.written(), names)
      self.assertNotIn("kept", result.stdout)

  def test_bad_pictures_do_not_stop_the_others(self):
    self.write("in/z.png", 5, 6, 3)
    self.file("in/a.png", b"no picture")
    self.file("in/b.jpg", b"")
    os.mkfifo(self.folder / "in/c.png")
    (self.folder / "empty").mkdir()
    result = self.upscale(
      *(self.folder / "missing.png", self.folder / "empty"),
      *(self.folder / "none/*.png", self.folder / "in", _BICUBIC, self.output),
      *("x" * 500, self.file("in/d\x1b.png", b"").parent),
      timeout=100,
    )
    self.assertEqual(result.returncode, 1)
    self.assertEqual(self.written(), ["z.png"])
    *sentences, summary = result.stderr.splitlines()
    self.assertLen(sentences, 8)
    for name, sentence in zip(
      (
        *("empty", "none/*.png", "a.png", "b.jpg", "c.png cannot be read"),
        *(r"d\x1b.png", "missing.png", "File name too long"),
      ),
      sentences,
      strict=True,
    ):
      self.assertStartsWith(sentence, "error: ")
      self.assertIn(name, sentence)
    self.assertIn("8 failed", summary)

  def test_of_an_animation_only_what_can_be_held_is_enlarged(self):
    animation = self.file("a.gif", picture_kinds.animation("GIF"))
    result = self.upscale(animation, _BICUBIC, self.output, "--format=jpeg")
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn("(48 x 32); JPEG holds no animation: the", result.stdout)
    self.assertNotIn("3 frames,", result.stdout)

  def test_bad_input(self):
    png, weights = self.write("png/a.png", 4, 4, 3), self.weights()
    self.file("file")
    out = self.output
    for arguments, parts in (
      ((out,), ("at least one",)),
      ((png, f"--output={png}"), ("png/a.png",)),
      (("--weights=nowhere", png, out), ("nowhere",)),
      ((f"--weights={weights}", png, out, "--tile=9"), ("tile of 9",)),
      ((png, out, "--tile=0"), ("--tile=0", "auto")),
      ((png, out, "--memory=2giga"), ("--memory=2giga", "GiB")),
      ((png, out, "--shard=0/4"), ("--shard=0/4", "1/4")),
      ((png, out, "--outscale=nan"), ("--outscale=nan",)),
      ((png, out, "--quality=101"), ("quality",)),
      ((png, f"--output={self.folder}/file"), ("file",)),
      ((png, "--output=/proc/x"), ("The folder /proc/x cannot be made",)),
      ((png, f"--output={'x' * 500}"), ("cannot be made", "too long")),
      (
        (png, out, f"--weights={weights}", "--memory=1KiB"),
        ("1 KiB of memory are too little",),
      ),
    ):
      with self.subTest(arguments[-1]):
        self.assert_fails(self.upscale(_BICUBIC, *arguments), *parts)
    self.assertFalse((self.folder / "out").exists())

  def test_cache_folder_that_cannot_be_written(self):
    png, weights = self.write("a.png", 4, 4, 3), self.weights()
    for cache in (self.file("file"), "/proc"):
      result = self.upscale(
        *(png, f"--weights={weights}", self.output, "--overwrite"),
        env={"XDG_CACHE_HOME": str(cache), "JAX_COMPILATION_CACHE_DIR": ""},
      )
      self.assertEqual(result.returncode, 0, result.stderr)
      self.assertEqual(result.stderr, "")

  @unittest.skipIf(os.geteuid() == 0, "root may write everywhere")
  def test_no_permission(self):
    png = self.write("a.png", 4, 4, 3)
    locked = self.folder / "locked"
    locked.mkdir(mode=0o500)
    result = self.upscale(_BICUBIC, png, f"--output={locked}/new")
    self.assert_fails(result, "locked", "Permission denied")

  def test_help_lists_all_flags_without_jax(self):
    result = programs.run(
      "import runpy, sys\n"
      "sys.argv = ['upscale', '--help']\n"
      "try:\n"
      "  runpy.run_module('srfeat_jax.upscale', run_name='__main__')\n"
      "except SystemExit:\n"
      "  print('jax' in sys.modules)\n"
    )
    self.assertEndsWith(result.stdout, "False\n", result.stderr)
    for flag in ("weights", "blend", "ensemble", "tile", "shard", "outscale"):
      self.assertIn(f"--{flag}", result.stdout.replace("[no]", ""))


class MemoryFlagTest(parameterized.TestCase):
  @parameterized.parameters(
    ("2GiB", 2**31),
    ("500MB", 500_000_000),
    ("1.5g", 1_500_000_000),
    ("64 kib", 65536),
    ("1000", 1000),
    ("12B", 12),
  )
  def test_amounts(self, text, expected):
    code = (
      "import runpy\n"
      "program = runpy.run_module('srfeat_jax.upscale')\n"
      f"print(program['_Bytes']().parse({text!r}))\n"
    )
    self.assertEqual(programs.run(code).stdout, f"{expected}\n")


class JobsTest(image_files.FolderTestCase):
  def test_a_file_whose_name_looks_like_a_pattern(self):
    path = self.file("a[1].png")
    naming = jobs.Naming(self.folder / "out")
    planned = jobs.plan([str(path)], naming, self.fail)
    self.assertEqual(planned, {path: self.folder / "out" / "a[1].png"})

  def test_what_cannot_be_written_becomes_png(self):
    path = self.file("a.avif")
    planned = jobs.plan([str(path)], jobs.Naming(self.folder), self.fail)
    self.assertEqual(planned, {path: self.folder / "a.png"})

  def test_parts_are_all_of_the_work_once(self):
    work = {self.folder / f"{i}": self.folder / f"{i}.png" for i in range(11)}
    parts = [jobs.shard(work, f"{i}/4") for i in (1, 2, 3, 4)]
    self.assertCountEqual([key for part in parts for key in part], work)

  @parameterized.parameters("0/4", "5/4", "half", "1/", "-1/4", "1/2/3")
  def test_no_part_of_the_work(self, part):
    with self.assertRaisesRegex(errors.InputError, f"--shard={part} .*1/4"):
      jobs.shard({}, part)

  def test_plans_that_make_no_sense(self):
    for name in ("in/a.png", "in/b.png", "only/a.jpg", "png/a.png"):
      self.file(name)
    one, other = f"{self.folder}/only/a.jpg", f"{self.folder}/png/a.png"
    out = "out"
    for inputs, (output, *others), parts in (
      ([], (out,), ("at least one",)),
      ([one, other], ("x.png",), ("x.png",)),
      ([f"{self.folder}/only"], ("x.PNG",), ("x.PNG",)),
      ([f"{self.folder}/only/*"], ("x.png",), ("x.png",)),
      ([other], ("x.png", None, "jpeg"), ("x.png", "--format")),
      ([other], ("png/a.png",), ("png/a.png",)),
      ([other], ("png",), ("png/a.png",)),
      ([one, other], ("png", None, "png"), ("png/a.png",)),
      ([other], ("x.avif",), ("x.avif", ".png", ".webp")),
      ([other], (out, "{x}.{format}"), ("{x}",)),
      ([other], (out, "{name}"), (".{format}",)),
      ([other], (out, "{name"), ("--pattern={name ",)),
      ([other], (out, "../{name}.{format}"), ("..",)),
      ([other], (out, "{0}{name.x}.{format}"), ("{0}",)),
      ([other], (out, "{name!r}.{format}"), ("{name!r}",)),
      ([other], (out, "{name:>400}.{format}"), ("{name:>400}",)),
    ):
      naming = jobs.Naming(self.folder / output, *others)
      with (
        self.subTest(f"{inputs} {naming}"),
        self.assertRaises(errors.InputError) as caught,
      ):
        jobs.plan(inputs, naming, self.fail)
      for part in parts:
        self.assertIn(part, str(caught.exception))

  @parameterized.parameters(
    ("", "{name}_x4.{format}"), ("big", None), ("deep/big", "{name}.{format}")
  )
  def test_results_among_the_inputs_are_no_inputs(self, output, pattern):
    for name in ("a.png", "deep/b.jpg"):
      self.file(name)
    expected = {self.folder / "a.png", self.folder / "deep/b.jpg"}
    for kind in (jobs.SAME, jobs.SAME, "webp", "tiff"):
      for given in (self.folder, self.folder / "**/*"):
        naming = jobs.Naming(self.folder / output, pattern, kind)
        planned = jobs.plan([str(given)], naming, self.fail)
        self.assertEqual(planned.keys(), expected)
        for target in planned.values():
          self.file(target.relative_to(self.folder))

  def test_an_original_is_no_result(self):
    for name in ("a.jpg", "a.png"):
      self.file(name)
    naming = jobs.Naming(self.folder, None, "png")
    with self.assertRaisesRegex(errors.InputError, "one of the pictures to"):
      jobs.plan([str(self.folder)], naming, self.fail)

  def test_results_that_are_named_are_inputs(self):
    self.file("a.png")
    result = str(self.file("big/b.png"))
    naming = jobs.Naming(self.folder / "big", "{name}_x4.{format}")
    planned = jobs.plan([str(self.folder), result], naming, self.fail)
    self.assertLen(planned, 2)

  def test_nothing_but_results(self):
    self.file("big/a.png")
    said = []
    naming = jobs.Naming(self.folder / "big")
    self.assertEmpty(jobs.plan([str(self.folder)], naming, said.append))
    self.assertIn("no picture but those below", str(*said))

  def test_two_that_would_have_one_name(self):
    for name in ("a.jpg", "a.png", "b.png"):
      self.file(f"in/{name}")
    said = []
    naming = jobs.Naming(self.folder / "out", None, "webp")
    planned = jobs.plan([f"{self.folder}/in"], naming, said.append)
    kept = [source.name for source in planned]
    self.assertEqual(kept, ["a.jpg", "b.png"])
    self.assertRegex(str(*said), r"in/a\.png was left out.*in/a\.jpg.*a\.webp")


class EnlargingTest(parameterized.TestCase):
  @parameterized.product(
    scale=[4, 2, 0.25, 2.5, 0.3], kernel=["bicubic", "bilinear"]
  )
  def test_resizing_on_the_host_equals_the_device(self, scale, kernel):
    lr = programs.picture(2, 13, 17, 3)
    expected = np.asarray(resize.resize(jnp.asarray(lr), scale, kernel))
    mine = resize.resize(lr, scale, kernel)
    self.assertEqual(mine.dtype, np.uint8)
    if scale in (4, 2, 0.25):  # float32 is exact
      np.testing.assert_array_equal(mine, expected)
    difference = mine.astype(int) - expected
    self.assertLessEqual(np.abs(difference).max(), 1)
    deep = resize.resize(lr * np.uint16(257), scale, kernel)
    self.assertEqual(deep.dtype, np.uint16)
    np.testing.assert_allclose(deep / 257, expected, atol=1.1)

  def test_resizing_in_strips(self):
    row = np.arange(70000, dtype=np.uint16)[None, :, None]
    narrow = resize.resize(row, 2)
    self.assertEqual(narrow.shape, (2, 140000, 1))
    wide = resize.resize(np.repeat(row, 40, axis=0), 2)
    np.testing.assert_array_equal(wide[37], narrow[1])

  @parameterized.parameters(np.uint8, np.uint16)
  def test_no_fringe_around_what_is_seen(self, dtype):
    """A disc of one colour over hidden pixels of another keeps its colour."""
    top = np.iinfo(dtype).max
    y, x = np.mgrid[:21, :24]
    disc = (y - 10) ** 2 + (x - 11) ** 2 < 40
    alpha = (disc * top).astype(dtype)
    color = np.where(disc[..., None], [top, top // 2, 0], [0, 0, top])
    picture = pictures.Picture([color.astype(dtype)], [alpha])
    sr = picture_upscaling.enlarge(picture, upscaler.bicubic, 4)
    seen = sr.alphas[0] > 0
    self.assertTrue((sr.frames[0][seen] == [top, top // 2, 0]).all())
    # No haze: what is far from the edge is wholly there or not at all.
    inner, outer = (y - 10) ** 2 + (x - 11) ** 2 < 16, ~disc
    for distance in (1, -1):
      outer &= ~np.roll(disc, distance, 0) & ~np.roll(disc, distance, 1)
      outer &= ~np.roll(disc, 2 * distance, 0) & ~np.roll(disc, 2 * distance, 1)
      outer &= ~np.roll(np.roll(disc, 1, 0), distance, 1)
      outer &= ~np.roll(np.roll(disc, -1, 0), distance, 1)
    big = np.ones((4, 4), bool)
    self.assertTrue((sr.alphas[0][np.kron(inner, big)] == top).all())
    self.assertTrue((sr.alphas[0][np.kron(outer, big)] == 0).all())

  def test_fill_changes_nothing_that_is_seen(self):
    color, alpha = programs.picture(9, 7, 3), programs.picture(9, 7, seed=1)
    alpha[alpha < 128] = 0
    filled = transparency.fill(color, alpha)
    np.testing.assert_array_equal(filled[alpha > 0], color[alpha > 0])
    self.assertTrue((filled[alpha == 0] != color[alpha == 0]).any())
    for same in (0, 255):
      alpha[:] = same
      np.testing.assert_array_equal(transparency.fill(color, alpha), color)

  def test_progress_counts_all_frames(self):
    told = []
    frames = [programs.picture(5, 6, 3, seed=seed) for seed in range(3)]
    picture = pictures.Picture(frames, durations=[1, 2, 3])
    sr = picture_upscaling.enlarge(
      picture, upscaler.bicubic, 4, 1.5, told.append
    )
    self.assertEqual(sum(told), 90)
    self.assertEqual(sr.size, (8, 9))
    self.assertEqual(sr.size, picture_upscaling.enlarged_size(5, 6, 1.5))
    self.assertEqual(sr.durations, [1, 2, 3])


class OneCallTest(programs.ProgramTestCase):
  @parameterized.product(
    shape=[(5, 6), (5, 6, 3), (5, 6, 4)], dtype=[np.uint8, np.uint16]
  )
  def test_numpy_in_numpy_out(self, shape, dtype):
    image = programs.picture(*shape).astype(dtype)
    sr = srfeat_jax.upscale(image, "bicubic")
    self.assertEqual(sr.shape, (20, 24, *shape[2:]))
    self.assertEqual(sr.dtype, dtype)
    sr = srfeat_jax.upscale(image, "bicubic", outscale=1.5)
    self.assertEqual(sr.shape, (8, 9, *shape[2:]))

  @parameterized.parameters(
    *(("L", "L"), ("LA", "LA"), ("RGB", "RGB"), ("RGBA", "RGBA")),
    *(("P", "RGB"), ("1", "L"), ("CMYK", "RGB"), ("I;16", "I;16")),
  )
  def test_pil_in_pil_out(self, mode, expected):
    image = Image.new(mode, (6, 5))
    image.info = {"exif": b"Exif\0\0", "icc_profile": b""}
    sr = srfeat_jax.upscale(image, "bicubic")
    self.assertIsInstance(sr, Image.Image)
    self.assertEqual(sr.mode, expected)
    self.assertEqual(sr.size, (24, 20))
    self.assertEqual(sr.info["exif"], b"Exif\0\0")

  def test_equals_the_program(self):
    source, weights = self.write("a.png", 9, 8, 3), self.weights()
    target = self.folder / "b.png"
    programs.run(
      *("upscale", source, f"--weights={weights}", f"--output={target}")
    )
    sr = srfeat_jax.upscale(images.read(source), weights)
    np.testing.assert_array_equal(sr, images.read(target))

  def test_weights_that_have_changed_are_loaded_anew(self):
    weights, lr = self.weights(), programs.picture(8, 8, 3)
    first = srfeat_jax.upscale(lr, weights)
    data = bytearray(weights.read_bytes())
    data[-400:] = bytes(400)
    weights.write_bytes(data)
    self.assertTrue((srfeat_jax.upscale(lr, weights) != first).any())

  @parameterized.parameters(
    (np.zeros((4, 4, 3), np.float32), "float32"),
    (np.zeros((4, 4, 2), np.uint8), "(4, 4, 2)"),
    (np.zeros((0, 4), np.uint8), "(0, 4)"),
    ("a.png", "str"),
  )
  def test_not_a_picture(self, image, part):
    with self.assertRaises(errors.InputError) as caught:
      srfeat_jax.upscale(image, "bicubic")
    self.assertIn(part, str(caught.exception))

  def test_any_byte_order(self):
    image = programs.picture(4, 4, 3).astype(np.uint16)
    sr = srfeat_jax.upscale(image.astype(">u2"), "bicubic")
    self.assertEqual(sr.dtype, ">u2")
    np.testing.assert_array_equal(sr, srfeat_jax.upscale(image, "bicubic"))

  def test_a_file_cut_short(self):
    path = self.write("a.jpg", 40, 40, 3)
    with (
      Image.open(io.BytesIO(path.read_bytes()[:-300])) as image,
      self.assertRaisesRegex(errors.InputError, "damaged or cut short"),
    ):
      srfeat_jax.upscale(image, "bicubic")

  def test_unknown_option(self):
    with self.assertRaisesRegex(TypeError, "'foo'"):
      srfeat_jax.upscale(programs.picture(4, 4), "bicubic", foo=[])

  def test_bad_options(self):
    image = programs.picture(4, 4, 3)
    for options, part in (
      *(({"outscale": x}, "outscale is") for x in (0, 17, np.nan, np.inf, "2")),
      ({"blend": "x"}, "alpha"),
      ({"blend": "x", "alpha": "half"}, "alpha is 'half'"),
      ({"blend": 3, "alpha": 0.5}, "blend is 3"),
      ({"weights": "nowhere"}, "nowhere"),
      ({"weights": 3}, "weights is 3"),
      ({"tile": "auto"}, "tile is 'auto'"),
      ({"tile": [64]}, "tile is [64]"),
      ({"tile": -3}, "tile is -3"),
      ({"memory": "2GiB"}, "memory is '2GiB'"),
      ({"precision": "fp16"}, "precision is 'fp16'"),
    ):
      with self.assertRaises(errors.InputError) as caught:
        srfeat_jax.upscale(image, **{"weights": "bicubic"} | options)
      self.assertIn(part, str(caught.exception))

  def test_importing_the_package_is_cheap(self):
    code = "import sys\nimport srfeat_jax\nprint(*sys.modules)\n"
    modules = programs.run(code).stdout.split()
    self.assertNoCommonElements(modules, ["jax", "numpy", "PIL"])


if __name__ == "__main__":
  absltest.main()
