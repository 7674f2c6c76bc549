"""Tests of the program upscale, run as users run it."""

import os
import signal
import subprocess
import sys
import unittest

import numpy as np
from absl.testing import absltest

from srfeat_jax.image_io import images
from srfeat_jax.inference import upscaler
from tests.support import input_kinds, paths, programs

_BICUBIC = "--weights=bicubic"


class UpscaleTestCase(programs.ProgramTestCase):
  def upscale(self, *arguments, **options) -> subprocess.CompletedProcess:
    options.setdefault("env", self.environment)
    return programs.run("upscale", *arguments, **options)

  @property
  def environment(self) -> dict[str, str]:
    return {"XDG_CACHE_HOME": str(self.folder / "cache")}

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
  def test_files_folders_and_globs_around_the_flags(self):
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
    for index, (name, content) in enumerate(input_kinds.KINDS.values()):
      self.file(f"in/{index:02}{name[1:]}", content())
    outcomes = [input_kinds.outcome(kind) for kind in input_kinds.KINDS]
    bad = [index for index, text in enumerate(outcomes) if "error" in text]
    result = self.upscale(self.folder / "in", _BICUBIC, self.output)
    self.assertEqual(result.returncode, 1)
    *sentences, summary = result.stderr.splitlines()
    self.assertLen(sentences, len(bad))
    for index, sentence in zip(bad, sentences, strict=True):
      self.assertStartsWith(sentence, f"error: {self.folder}/in/{index:02}.")
    self.assertRegex(
      summary,
      rf"^{len(outcomes) - len(bad)} images in .* s, .* s per image,"
      rf" {len(bad)} failed \(see above\)$",
    )
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
    self.assertRegex(
      result.stdout, r"\n2 images in .* s, .* s per image, 1 kept\n$"
    )
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
        *("--output_name={name}@2.5x.{format}", "--outscale=2.5"),
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
      png,
      _BICUBIC,
      f"--output={self.folder}",
      "--output_name={name}_x4.{format}",
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

  def test_bad_images_do_not_stop_the_others(self):
    self.write("in/z.png", 5, 6, 3)
    self.file("in/a.png", b"no image")
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

  def test_of_an_animation_only_what_can_be_held_is_upscaled(self):
    animation = self.file("a.gif", input_kinds.animation("GIF"))
    result = self.upscale(animation, _BICUBIC, self.output, "--format=jpeg")
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertRegex(
      result.stdout, r"\(48 x 32, .* s\); JPEG holds no animation"
    )
    self.assertNotIn("3 frames,", result.stdout)

  def test_bad_input(self):
    png, weights = self.write("png/a.png", 4, 4, 3), self.weights()
    self.file("file")
    out = self.output
    cases = (
      ((out,), ("at least one",)),
      ((png, f"--output={png}"), ("png/a.png",)),
      (("--weights=nowhere", png, out), ("nowhere",)),
      ((f"--weights={weights}", png, out, "--tile=9"), ("tile of 9",)),
      ((png, out, "--tile=0"), ("--tile=0", "auto")),
      ((png, out, "--memory=2giga"), ("--memory=2giga", "GiB")),
      ((png, out, "--memory=2"), ("did you mean 2GiB?",)),
      ((png, out, "--format=heic"), ("--format=heic", "webp")),
      ((png, out, "--weights=a", "-w", "b"), ("--weights is given 2 times",)),
      ((png, out, "--weights=a,b"), ("names 2 sets", "evaluate compares")),
      ((png, out, "--weights=srfeat_lite"), ("did you mean srfeat-lite?",)),
      ((png, out, "--scale=2", "--outscale=2"), ("--outscale is given 2",)),
      ((png, out, "--shard=0/4"), ("--shard=0/4", "1/4")),
      ((png, out, "--outscale=nan"), ("outscale is nan",)),
      ((png, out, "--quality=101"), ("quality",)),
      ((png, f"--output={self.folder}/file"), ("file",)),
      ((png, "--output=/proc/x"), ("the folder /proc/x cannot be made",)),
      ((png, f"--output={'x' * 500}"), ("cannot be made", "too long")),
      (
        (png, out, f"--weights={weights}", "--memory=1KiB"),
        ("1 KiB of memory are too little",),
      ),
    )
    lists = [
      arguments
      if any("--weights" in str(each) for each in arguments)
      else (*arguments, _BICUBIC)
      for arguments, _ in cases
    ]
    results = programs.run_each("upscale", lists, env=self.environment)
    for result, (arguments, parts) in zip(results, cases, strict=True):
      with self.subTest(arguments[-1]):
        self.assert_fails(result, *parts)
    self.assertFalse((self.folder / "out").exists())

  def test_flags_as_people_try_them(self):
    png = self.write("a.png", 4, 5, 3)
    other = self.write("b.png", 5, 4, 3)
    result = self.upscale(
      *(f"{png},{other}", "-w", "bicubic", "-o", self.folder / "out"),
      *("--scale", "x2", "--format=JPG"),
    )
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertEqual(self.written(), ["a.jpg", "b.jpg"])
    self.assertEqual(images.size(self.folder / "out/a.jpg"), (8, 10))

  def test_what_is_left_out_is_said_at_the_end(self):
    self.write("in/a.png", 4, 5, 3)
    for name in ("b.NEF", "deep/c.cr2", "d.svg", "notes.txt", ".hidden.nef"):
      self.file(f"in/{name}")
    for argument in (self.folder / "in", self.folder / "in/**"):
      result = self.upscale(argument, _BICUBIC, self.output, "--overwrite")
      self.assertEqual(result.returncode, 0, result.stderr)
      raw, drawings = result.stderr.splitlines()
      self.assertStartsWith(raw, "left out: 2 RAW files (.cr2, .nef); develop")
      self.assertStartsWith(drawings, "left out: 1 drawing or document (.svg);")
    result = self.upscale(self.folder / "in/b.NEF", _BICUBIC, self.output)
    self.assertEqual(result.returncode, 1)
    self.assertIn("b.NEF: files of this kind (RAW file)", result.stderr)

  def test_the_same_command_goes_on_after_an_interruption(self):
    count = 40
    for index in range(count):
      self.write(f"in/{index:02}.png", 300, 400, 3)
    arguments = [
      *(sys.executable, "-m", "srfeat_jax.upscale", f"{self.folder}/in"),
      *(_BICUBIC, self.output),
    ]
    with subprocess.Popen(
      arguments,
      cwd=paths.REPOSITORY,
      stdout=subprocess.PIPE,
      stderr=subprocess.PIPE,
      text=True,
    ) as process:
      self.assertIn("00.png -> ", process.stdout.readline())  # at once
      process.send_signal(signal.SIGINT)
      _, stderr = process.communicate(timeout=300)
    self.assertEqual(process.returncode, 130)
    done = len(self.written())
    self.assertBetween(done, 1, count - 1)
    self.assertRegex(
      stderr,
      rf"^interrupted after \d+ of {count} images: the same command goes on"
      r" with the rest\n$",
    )
    result = self.upscale(*arguments[3:])
    self.assertEqual(result.returncode, 0, result.stderr)
    self.assertIn(f"\n{count - done} images in ", result.stdout)
    self.assertIn(f", {done} kept\n", result.stdout)
    self.assertLen(self.written(), count)

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


if __name__ == "__main__":
  absltest.main()
