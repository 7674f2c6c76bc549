"""Checking what comes from raters, who may be anybody."""

import json

from absl.testing import absltest, parameterized

from srfeat_jax import errors
from srfeat_jax.mos import submission
from tests.support import opinion_studies

STUDY = opinion_studies.draw()
ITEM = sorted(STUDY.ids)[0]
RATING = {"item": ITEM, "score": 3, "milliseconds": 1}


def right(**changes) -> dict:
  return opinion_studies.submission(STUDY, {ITEM: 3}, **changes)


def with_rating(**changes) -> bytes:
  return opinion_studies.encode(right(ratings=[RATING | changes]))


def replaced(old: str, new: str) -> bytes:
  text = opinion_studies.encode(right()).decode()
  assert old in text
  return text.replace(old, new).encode()


class SubmissionTest(parameterized.TestCase):
  def test_what_a_page_sends(self):
    for scores in ({}, {ITEM: 5}, dict.fromkeys(STUDY.ids, 1)):
      sent = opinion_studies.submission(STUDY, scores)
      data = opinion_studies.encode(sent)
      found = submission.parse(data, STUDY)
      self.assertEqual({r.item: r.score for r in found.ratings}, scores)
      self.assertEqual(json.loads(found.encode()), sent)
      self.assertEqual(submission.parse(found.encode(), STUDY), found)
      self.assertLess(len(data), submission.largest(STUDY))

  @parameterized.parameters(
    (b"", "not JSON"),
    (b"{", "not JSON"),
    (b"\xff\xfe{}", "UTF-8"),
    ('{"a": 1}'.encode("utf-16"), "UTF-8"),
    (b"\xef\xbb\xbf{}", "not JSON"),
    (b"null", "not an object"),
    (b"[]", "not an object"),
    (b"{}", "lacks"),
    (b"[" * 4000, "deeply"),
    # Closing brackets in a string close nothing.
    (b'["' + b"]" * 1800 + b'",' + b"[" * 1800, "deeply"),
    (b'{"a":' * 700 + b"1" + b"}" * 700, "deeply"),
    (b"1" * 4400, "too large"),
    (b" " * 100_000, "larger than"),
    (replaced('"revision": 1', '"revision": NaN'), "NaN"),
    (replaced('"revision": 1', '"revision": -Infinity'), "-Infinity"),
    (replaced('"revision": 1', '"revision": 1e999'), "too large"),
    (replaced('"revision": 1', '"revision": 1, "revision": 1'), "twice"),
    (replaced('"score": 3', '"score": 3, "score": 5'), "twice"),
    (opinion_studies.encode(right(format="other")), "format"),
    (opinion_studies.encode(right(study="0" * 16)), "another study"),
    (opinion_studies.encode(right(study=["x"])), "another study"),
    (opinion_studies.encode(right(rater="../../etc/passwd")), "rater"),
    (opinion_studies.encode(right(rater="A" * 32)), "rater"),
    (opinion_studies.encode(right(rater="0" * 32 + "\n")), "rater"),
    (opinion_studies.encode(right(submission=None)), "submission"),
    (opinion_studies.encode(right(revision=True)), "revision"),
    (opinion_studies.encode(right(revision=1.0)), "revision"),
    (opinion_studies.encode(right(revision=-1)), "revision"),
    (opinion_studies.encode(right(revision=10**15)), "revision"),
    (opinion_studies.encode(right(complete=True)), "complete"),
    (opinion_studies.encode(right(complete=0)), "complete"),
    (opinion_studies.encode(right(screen=None)), "screen"),
    (opinion_studies.encode(right(screen={"width": 1})), "screen"),
    (opinion_studies.encode(right(more=1)), "besides"),
    (opinion_studies.encode(right(ratings={})), "ratings"),
    (opinion_studies.encode(right(ratings=[[]])), "not an object"),
    (opinion_studies.encode(right(ratings=[RATING] * 2)), "twice"),
    (with_rating(item="0" * 12), "not in the study"),
    (with_rating(item=["x"]), "not in the study"),
    (with_rating(item={}), "not in the study"),
    (with_rating(score=0), "score"),
    (with_rating(score=6), "score"),
    (with_rating(score=3.0), "score"),
    (with_rating(score="3"), "score"),
    (with_rating(score=True), "score"),
    (with_rating(score=None), "score"),
    (with_rating(milliseconds=-1), "milliseconds"),
    (with_rating(milliseconds=1e9), "milliseconds"),
    (with_rating(name="x"), "besides"),
  )
  def test_what_is_refused(self, data, part):
    with self.assertRaisesRegex(errors.InputError, part) as raised:
      submission.parse(data, STUDY)
    # Nothing of the data is repeated to whoever reads the sentence.
    self.assertNotIn("passwd", str(raised.exception))

  @parameterized.parameters("width", "height", "pixel_ratio", "dark")
  def test_screens(self, name):
    screen = right()["screen"]
    for value in (-1, 1e6, "1", None, [1]):
      data = opinion_studies.encode(right(screen=screen | {name: value}))
      with self.assertRaisesRegex(errors.InputError, name):
        submission.parse(data, STUDY)


if __name__ == "__main__":
  absltest.main()
