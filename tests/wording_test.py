"""What a machine can check of the words: spelling, terms, error sentences.

American spelling and one word for one thing, see CONTRIBUTING.md. Each check is
tested on text that it must refuse and on text that it must let pass.
"""

import ast
import pathlib
import re

from absl.testing import absltest, parameterized

from tests.support import paths

FOLDERS = (
  "benchmarks",
  "docs",
  "launch",
  "srfeat_jax",
  "tests",
)
EXTENSIONS = (".py", ".md", ".sh", ".toml", ".txt", ".cff", ".yaml")
# Where mistakes of the user are raised.
RAISING = ("benchmarks", "srfeat_jax")

# Parts of words that American English spells otherwise.
BRITISH = re.compile(
  r"(col|behavi|neighb|fav|hon|flav|harb|lab|vap|endeav)our"
  r"|centr(e|ing)|metre|litre|fibre"
  r"|(label|model|travel|cancel|signal|channel|level)l(ed|ing|er)"
  r"|(anal|paral|catal)ys(e|ing)|catalogue|analogue"
  r"|(lic|def|off|pret)ence"
  r"|grey|artefact|judgement|programme(?!r|d)|whilst|amongst|learnt|spelt"
)
_ISE = re.compile(r"([a-z]+)(is(e|ed|es|er|ers|ing|ation|ations))")
# Words on -ise that are spelled so everywhere, without that ending.
ISE = (
  *("adv", "ar", "compr", "comprom", "conc", "dev", "disgu", "exerc"),
  *("expert", "no", "deno", "prec", "prem", "prom", "ra", "pra", "rev", "r"),
  *("superv", "unsuperv", "surpr", "improv", "po", "w"),
)
# A word, also within an identifier: extract_features, OursTest, HTMLPage.
_WORD = r"[A-Z]?[a-z]+|[A-Z]+(?![a-z])"
_WISE = re.compile(r"[a-z]+wise")  # otherwise, pairwise
# Names that files had in earlier versions, which messages and documents quote.
OLD_NAMES = ("centre296",)

# Words of nobody's field, with what to write instead. They are sought in text
# whose identifiers are divided into words.
TERMS = {
  r"\bjudg(e|es|ed|ing)\b": "evaluate, compare, discriminate",
  r"\bchances\b": "probabilities",
  r"\bweaves?\b": "checkerboard artifact",
  r"\benlarg(e|es|ed|ing|ement|ements)\b": "upscale, scale factor",
  r"\bheld against\b": "compared with",
  r"\bthrown\b": "cropped off, margin, raised",
  r"\bthe faithful\b": "PSNR-oriented",
  r"\bthe sharp\b(?! )": "GAN-trained",
  r"\bturn about\b": "alternate",
  r"\btwins?\b": "counterpart",
}
# Parts of names in code: in prose they have their ordinary uses.
NAMES = {
  "look": "extract_features",
  "looks": "extract_features",
  "views": "inputs, input_shapes",
  "leads": "is_main_process",
  "given": "by meaning: initial_variables, weights",
  "back": "pullback",
  "ending": "extension",
  "endings": "extensions",
  "notes": "warnings, metadata",
}
# Of these, what is ordinary in the name of a test, which is a sentence.
ORDINARY = ("look", "looks", "views", "leads", "back")
# An image is an image, except as a value of the type `Picture`, in files that
# use it or the module `pictures`.
_PICTURE = re.compile(r"\bpictures?\b", re.IGNORECASE)
_PICTURE_TYPE = re.compile(
  r"\bPicture\b|\bimport .*\bpictures\b|io/picture|picture_upscaling"
)
# Where a word means just what it says.
ALLOWED = {
  ("srfeat_jax/data/materials.py", "weave"),  # of cloth
  ("srfeat_jax/image_io/images.py", "pictures"),  # the module
  ("srfeat_jax/data/sources.py", "pictures"),  # stored in checkpoints
  ("srfeat_jax/run/resumption.py", "pictures"),  # likewise
  ("srfeat_jax/batches/training_images.py", "pictures"),  # likewise
  ("tests/data/pipeline_test.py", "centre"),  # as bad input
  ("tests/wording_test.py", ""),
}
# How sentences begin that should begin in lower case.
_CAPITAL = re.compile(
  r"(A|An|All|Choose|Expected|In|It|No|Of|Only|Some|The|There|This|Two|What"
  r"|With) "
)
_SECTION = re.compile(r"(Args|Attributes):$")
_ENTRY = re.compile(r"( *)(\*{0,2}\w+): (.*)")
# Names that begin an entry with a capital letter.
_PROPER = ("Adam", "Caffe", "False", "None", "Pillow", "Python", "True")


def files() -> list[str]:
  """Paths of all text that people read, below the repository."""
  found = [
    path
    for folder in FOLDERS
    for path in (paths.REPOSITORY / folder).rglob("*")
    if "__pycache__" not in path.parts and "evidence" not in path.parts
  ]
  found += paths.REPOSITORY.glob("*")
  return sorted(
    path.relative_to(paths.REPOSITORY).as_posix()
    for path in found
    if path.is_file() and path.suffix in EXTENSIONS
  )


def allowed(path: str, word: str) -> bool:
  return (path, "") in ALLOWED or (path, word.lower()) in ALLOWED


def british(text: str) -> list[str]:
  """Words of a text, also parts of names, that are spelled the British way."""
  for name in OLD_NAMES:
    text = text.replace(name, "")
  found = []
  for word in re.findall(_WORD, text):
    lower = word.lower()
    ise = _ISE.fullmatch(lower)
    if BRITISH.search(lower) or (
      ise and ise[1] not in ISE and not _WISE.match(lower)
    ):
      found.append(word)
  return found


def wrong_terms(text: str) -> list[str]:
  """Words of a text, also parts of names, that the field has others for."""
  divided = _divided(text)
  found = [
    match[0]
    for term in TERMS
    for match in re.finditer(term, divided, re.IGNORECASE)
  ]
  if not _PICTURE_TYPE.search(text):
    found += _PICTURE.findall(divided)
  return found


def wrong_names(source: str) -> list[str]:
  """Names that a Python file binds with a part that says too little."""
  found = set()
  for node in ast.walk(ast.parse(source)):
    match node:
      case ast.FunctionDef() | ast.ClassDef():
        found.add(node.name)
      case ast.Name(ctx=ast.Store()):
        found.add(node.id)
      case ast.Attribute(ctx=ast.Store()):
        found.add(node.attr)
      case ast.arg() | ast.keyword(arg=str()):
        found.add(node.arg)
  return sorted(name for name in found if _says_too_little(name))


def _says_too_little(name: str) -> bool:
  wrong = NAMES.keys() & {word.lower() for word in re.findall(_WORD, name)}
  if name.startswith("test_"):
    wrong -= set(ORDINARY)
  return bool(wrong)


def _divided(text: str) -> str:
  """The text with a space between the words of each identifier."""
  text = text.replace("_", " ")
  return re.sub(r"(?<=[a-z0-9])(?=[A-Z])|(?<=[A-Z])(?=[A-Z][a-z])", " ", text)


def sentences(source: str) -> list[tuple[str, str]]:
  """How each literal error sentence of a Python file begins and ends."""
  found = []
  for node in ast.walk(ast.parse(source)):
    if isinstance(node, ast.Call) and node.args:
      name = ast.unparse(node.func)
      if name in ("errors.InputError", "InputError", "cli.fail"):
        found += [(_edge(node.args[0], 0), _edge(node.args[0], -1))]
  return found


def _edge(node: ast.expr, index: int) -> str:
  """The first or last literal part of a text, "" where a value stands."""
  match node:
    case ast.Constant(value=str() as text):
      return text
    case ast.JoinedStr(values=[_, *_] as parts):
      return _edge(parts[index], index)
    case ast.BinOp(op=ast.Add()):
      return _edge(node.right if index else node.left, index)
    case ast.IfExp():
      return _edge(node.body, index)
  return ""


def wrong_sentences(source: str) -> list[str]:
  """Literal error sentences with a full stop, or a capital letter first."""
  found = []
  for start, end in sentences(source):
    if end.endswith("."):
      found.append(f"...{end[-30:]}")
    if _CAPITAL.match(start):
      found.append(f"{start[:30]}...")
  return found


def wrong_entries(source: str) -> list[str]:
  """Entries of Args and Attributes that are not "name: text, then a stop."."""
  found = []
  for node in ast.walk(ast.parse(source)):
    if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
      text = ast.get_docstring(node) or ""
      for name, entry in entries(text):
        first = entry.split()[0]
        capital = first[0].isupper() and first[1:].islower()
        proper = re.match(r"\w+", first)
        if capital and not (proper and proper[0] in _PROPER):
          found.append(f"{node.name}: {name}: {first}")
        if not entry.endswith((".", ":")):
          found.append(f"{node.name}: {name}: ...{entry[-20:]}")
  return found


def entries(docstring: str) -> list[tuple[str, str]]:
  """Names and texts of the entries below "Args:" and "Attributes:"."""
  found, within = [], False
  for line in docstring.splitlines():
    entry = _ENTRY.fullmatch(line)
    if _SECTION.fullmatch(line):
      within = True
    elif line and not line.startswith(" "):
      within = False
    elif within and entry and len(entry[1]) == 2:
      found.append((entry[2], entry[3]))
    elif within and found and line.startswith("    "):
      found[-1] = (found[-1][0], f"{found[-1][1]} {line.strip()}")
  return found


class WordingTest(parameterized.TestCase):
  def check(self, found: list[str], checked):
    findings = _findings(found, checked)
    self.assertEmpty(findings, "\n".join(["", *findings]))

  def test_there_is_text_to_read(self):
    found = files()
    self.assertGreater(len(found), 200)
    self.assertIn("README.md", found)
    self.assertIn("srfeat_jax/weights/pretrained/srfeat-lite.md", found)

  def test_american_spelling(self):
    self.check(files(), british)

  def test_the_words_of_the_field(self):
    self.check(files(), wrong_terms)

  def test_names_say_what_they_are(self):
    self.check(_python(), wrong_names)

  def test_error_sentences(self):
    self.check(_python(*RAISING), wrong_sentences)

  def test_entries_of_arguments(self):
    self.check(_python(*RAISING), wrong_entries)

  @parameterized.parameters(
    ("neighbouring colours", ["neighbouring", "colours"]),
    ("class InitialisationTest", ["Initialisation"]),
    ("initialiser = NORMALISED", ["initialiser", "NORMALISED"]),
    ("Centre of 3 metres", ["Centre", "metres"]),
    ("a labelled, misspelt licence", ["labelled", "misspelt", "licence"]),
    ("analyse and recognise", ["analyse", "recognise"]),
    ("the colour of centre296", ["colour"]),
    ("parameter four hours otherwise noise raises promised analysis", []),
    ("programmer, controlled, cancellation, optimistic, precision", []),
    ("realistic synthesis; pairwise; revised; the analysis is rising", []),
  )
  def test_british(self, text, expected):
    self.assertEqual(british(text), expected)

  @parameterized.parameters(
    ("It judges the enlarged image", ["judges", "enlarged"]),
    ("def test_twin_judges_it(_chances)", ["judges", "chances", "twin"]),
    ("class TwinTest, EnlargeHTMLJudge", ["Twin", "Enlarge", "Judge"]),
    ("A picture; class PictureTest; odd_pictures", ["picture"] * 3),
    ("a Picture, whose picture has frames", []),
    ("from srfeat_jax.image_io import pictures; picture = 1", []),
    ("judgment, prejudge, twinned", []),
    ("held against torch", ["held against"]),
    ("enlarge_all(x)", ["enlarge"]),
    ("its twin", ["twin"]),
    ("a larger image, a good look at the sharp edges", []),
    ("throw it back; views of the given image", []),
  )
  def test_terms(self, text, expected):
    lower = [word.lower().rstrip("s") for word in wrong_terms(text)]
    self.assertCountEqual(
      lower, [word.lower().rstrip("s") for word in expected]
    )

  @parameterized.parameters(
    ("given = 1", ["given"]),
    ("def look(views): pass", ["look", "views"]),
    ("f(back=1)", ["back"]),
    ("self.given_weights = x", ["given_weights"]),
    (
      "class GivenTest:\n  def test_it_is_given(self): pass",
      ["GivenTest", "test_it_is_given"],
    ),
    ("def test_it_looks_back(): pass", []),
    ("lookup = background = viewsonic = 1", []),
    ("x = 'given'  # back", []),
    ("x.views + looking", []),
  )
  def test_names(self, source, expected):
    self.assertEqual(wrong_names(source), expected)

  @parameterized.parameters(
    ('raise errors.InputError("it is wrong.")', 1),
    ('raise errors.InputError(f"{x} is" f" wrong {x}.")', 1),
    ('raise errors.InputError(f"{x} is wrong" + " so.")', 1),
    ('raise errors.InputError("The file is wrong.")', 2),
    ('cli.fail(f"{x} failed.")', 1),
    ('raise errors.InputError(f"{x} is wrong")', 0),
    ('raise errors.InputError(f"LPIPS of {x}.{y}")', 0),
    ('raise ValueError("It is wrong.")', 0),
  )
  def test_sentences(self, source, count):
    self.assertLen(wrong_sentences(source), count)

  @parameterized.parameters(
    ("x: The image.", 1),
    ("x: the image", 1),
    ("x: the image,\n      of a kind.", 0),
    ("x: HR images.\n    y: None or more.", 0),
    ("x: one of these:", 0),
  )
  def test_entries(self, lines, count):
    source = f'def f():\n  """It does.\n\n  Args:\n    {lines}\n  """\n'
    self.assertLen(wrong_entries(source), count)


def _python(*folders: str) -> list[str]:
  return [
    path
    for path in files()
    if path.endswith(".py") and (not folders or path.startswith(folders))
  ]


def _findings(found: list[str], check) -> list[str]:
  """What a check finds, as "path: word, word"."""
  lines = []
  for path in found:
    text = (paths.REPOSITORY / pathlib.PurePath(path)).read_text()
    words = sorted({word for word in check(text) if not allowed(path, word)})
    if words:
      lines.append(f"{path}: {', '.join(words)}")
  return lines


if __name__ == "__main__":
  absltest.main()
