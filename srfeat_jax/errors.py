"""The exception for what the user can correct, and what may have been meant."""

import difflib
from collections.abc import Iterable


class InputError(Exception):
  """A file, field or shape from the user is wrong.

  The message is all that the user sees: one sentence without a final period
  that names what is wrong, what was expected and what to do. Programs print it
  and exit with status 1; any other exception is a defect and keeps its
  traceback.
  """


def did_you_mean(name: str, known: Iterable[str]) -> str:
  """Asks whether the most similar of the known names was meant.

  Args:
    name: what was written.
    known: what there is. Capitals and "_" in place of "-" make no difference.

  Returns:
    The end of a message, ": did you mean ..?"; "" if none is similar.
  """
  plain = {each.lower().replace("_", "-"): each for each in known}
  written = name.lower().replace("_", "-")
  similar = difflib.get_close_matches(written, plain, 1)
  return f": did you mean {plain[similar[0]]}?" if similar else ""
