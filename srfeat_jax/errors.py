"""The one exception for what a person can put right."""


class InputError(Exception):
  """A file, field or shape given by the user is wrong.

  The message is the whole of what the user sees: one sentence that names the
  culprit, says what was expected and what to do. Programs print it and exit
  with status 1; any other exception is a defect and keeps its traceback.
  """
