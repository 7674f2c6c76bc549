"""Which images are upscaled, and where each result goes."""

from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.upscaling import jobs
from tests.support import image_files


class JobsTest(image_files.FolderTestCase):
  def test_a_file_whose_name_looks_like_a_glob(self):
    path = self.file("a[1].png")
    naming = jobs.Naming(self.folder / "out")
    planned = jobs.plan([str(path)], naming, self.fail)
    self.assertEqual(planned, {path: self.folder / "out" / "a[1].png"})

  def test_what_cannot_be_written_becomes_png(self):
    path = self.file("a.avif")
    planned = jobs.plan([str(path)], jobs.Naming(self.folder), self.fail)
    self.assertEqual(planned, {path: self.folder / "a.png"})

  def test_a_list_with_commas(self):
    one, other = str(self.file("a.png")), str(self.file("b.jpg"))
    both = self.file("a.png,b.jpg")
    naming = jobs.Naming(self.folder / "out")
    planned = jobs.plan([f"{one},{other}"], naming, self.fail)
    self.assertEqual([str(path) for path in planned], [one, other])
    planned = jobs.plan([str(both)], naming, self.fail)
    self.assertEqual(list(planned), [both])
    missing = f"{self.folder}/nothing.png"
    planned = jobs.plan([f"{one},{missing}"], naming, self.fail)
    self.assertEqual([str(path) for path in planned], [one, missing])
    planned = jobs.plan([f"{missing},{missing}"], naming, self.fail)
    self.assertEqual([str(path) for path in planned], [f"{missing},{missing}"])

  def test_what_is_left_out_of_folders(self):
    for name in ("in/a.png", "in/b.nef", "in/c/d.txt", "in/.e.nef"):
      self.file(name)
    for argument in ("in", "in/**"):
      others = []
      naming = jobs.Naming(self.folder / "out")
      argument = f"{self.folder}/{argument}"
      jobs.plan([argument], naming, self.fail, others.append)
      self.assertEqual(sorted(each.name for each in others), ["b.nef", "d.txt"])

  def test_thumbnails_of_raw_files_are_not_upscaled(self):
    problems = []
    path = self.file("a.DNG")
    naming = jobs.Naming(self.folder / "out")
    self.assertEmpty(jobs.plan([str(path)], naming, problems.append))
    self.assertRegex(
      str(*problems), r"a\.DNG: .*\(RAW file\) are not read; dev"
    )

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
      ([other], ("x.png", jobs.DEFAULT_NAME, "jpeg"), ("x.png", "--format")),
      ([other], ("png/a.png",), ("png/a.png",)),
      ([other], ("png",), ("png/a.png",)),
      ([one, other], ("png", jobs.DEFAULT_NAME, "png"), ("png/a.png",)),
      ([other], ("x.avif",), ("x.avif", ".png", ".webp")),
      ([other], (out, "{x}.{format}"), ("{x}",)),
      ([other], (out, "{name}"), (".{format}",)),
      ([other], (out, "{name"), ("--output_name={name ",)),
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
    ("", "{name}_x4.{format}"),
    ("big", jobs.DEFAULT_NAME),
    ("deep/big", "{name}.{format}"),
  )
  def test_results_among_the_inputs_are_no_inputs(self, output, output_name):
    for name in ("a.png", "deep/b.jpg"):
      self.file(name)
    expected = {self.folder / "a.png", self.folder / "deep/b.jpg"}
    for kind in (jobs.SAME, jobs.SAME, "webp", "tiff"):
      for argument in (self.folder, self.folder / "**/*"):
        naming = jobs.Naming(self.folder / output, output_name, kind)
        planned = jobs.plan([str(argument)], naming, self.fail)
        self.assertEqual(planned.keys(), expected)
        for target in planned.values():
          self.file(target.relative_to(self.folder))

  def test_an_original_is_no_result(self):
    for name in ("a.jpg", "a.png"):
      self.file(name)
    naming = jobs.Naming(self.folder, jobs.DEFAULT_NAME, "png")
    with self.assertRaisesRegex(errors.InputError, "one of the images to"):
      jobs.plan([str(self.folder)], naming, self.fail)

  def test_results_that_are_named_are_inputs(self):
    self.file("a.png")
    result = str(self.file("big/b.png"))
    naming = jobs.Naming(self.folder / "big", "{name}_x4.{format}")
    planned = jobs.plan([str(self.folder), result], naming, self.fail)
    self.assertLen(planned, 2)

  def test_nothing_but_results(self):
    self.file("big/a.png")
    problems = []
    naming = jobs.Naming(self.folder / "big")
    self.assertEmpty(jobs.plan([str(self.folder)], naming, problems.append))
    self.assertIn("no images except the results", str(*problems))

  def test_two_that_would_have_one_name(self):
    for name in ("a.jpg", "a.png", "b.png"):
      self.file(f"in/{name}")
    problems = []
    naming = jobs.Naming(self.folder / "out", jobs.DEFAULT_NAME, "webp")
    planned = jobs.plan([f"{self.folder}/in"], naming, problems.append)
    kept = [source.name for source in planned]
    self.assertEqual(kept, ["a.jpg", "b.png"])
    self.assertRegex(
      str(*problems), r"in/a\.png was skipped.*in/a\.jpg.*a\.webp"
    )


if __name__ == "__main__":
  absltest.main()
