"""Tests of srfeat_jax.evaluation.published."""

from absl.testing import absltest

from srfeat_jax.evaluation import published


class PublishedTest(absltest.TestCase):
  def test_rows_of_some_sets(self):
    rows = published.rows(["Set5", "BSD100", "Mine"], 4)
    (ours,) = (row for row in rows if row["method"] == "SRFeat_M")
    self.assertEqual(
      ours["sets"],
      {
        "Set5": {"psnr_y": 32.27, "ssim_y": 0.8938},
        "BSD100": {"psnr_y": 27.64, "ssim_y": 0.7378},
      },
    )
    self.assertEqual(ours["protocol"], "Y, crop 4")
    for row in rows:
      self.assertNotEmpty(row["source"])
      for scores in row["sets"].values():
        for metric, value in scores.items():
          # By its protocol, no value stands under a name of another one.
          self.assertEqual("rgb" in metric, row["protocol"].startswith("RGB"))
          if metric.startswith("psnr"):
            self.assertBetween(value, 22, 35)
          else:
            self.assertBetween(value, 0, 10 if metric == "pi" else 1)

  def test_of_other_sets_and_scales_there_are_none(self):
    self.assertEmpty(published.rows(["Mine"], 4))
    self.assertEmpty(published.rows(["Set5"], 2))


if __name__ == "__main__":
  absltest.main()
