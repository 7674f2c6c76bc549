"""Tests of srfeat_jax.evaluation.published."""

from absl.testing import absltest

from srfeat_jax.evaluation import protocol, published


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

  def test_scores_of_centers_stand_by_themselves(self):
    rows = published.rows(["Set5", "Set14", "BSD100"], 4, protocol.CENTER296)
    self.assertEqual(
      [
        (row["method"].partition(", ")[2], *row["sets"].values())
        for row in rows
      ],
      [
        (f"pre-trained, {kind} BatchNorm", *({"psnr_rgb": x} for x in scores))
        for kind, scores in (
          ("with", (30.56, 26.38, 25.78)),
          ("without", (30.72, 26.44, 25.82)),
        )
      ],
    )
    # Nor do they stand beside scores of whole images.
    others = published.rows(["Set5", "Set14", "BSD100"], 4)
    self.assertNotIn(rows[0]["protocol"], {row["protocol"] for row in others})

  def test_sets_of_few(self):
    (only,) = published.rows(["Manga109"], 4)
    scores = {"psnr_y": 31.66, "ssim_y": 0.9196}
    self.assertEqual(only["sets"], {"Manga109": scores})
    self.assertLen(published.rows(["DIV2K100"], 4), 8)
    urban = published.rows(["Urban100"], 4)
    self.assertIn(
      "RRDB, PSNR-oriented, DIV2K", [row["method"] for row in urban]
    )

  def test_of_other_sets_and_scales_there_are_none(self):
    self.assertEmpty(published.rows(["Mine"], 4))
    self.assertEmpty(published.rows(["Set5"], 2))


if __name__ == "__main__":
  absltest.main()
