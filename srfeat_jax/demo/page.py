"""The layout and events of the page, in Gradio."""

import dataclasses
import html

import gradio as gr

from srfeat_jax import errors
from srfeat_jax.demo import service as service_lib
from srfeat_jax.upscaling import options as options_lib

_MAX_AGE = 3600  # seconds after which uploaded files and results are deleted
_NO_PARTNER = "none"
_CSS = """
.gradio-container {
  width: 100%;
  max-width: 1180px !important;
  margin: 0 auto !important;
  --body-text-color-subdued: color-mix(
    in srgb, var(--body-text-color) 70%, transparent
  );
  --block-info-text-color: var(--body-text-color-subdued);
}
.problem { color: var(--error-text-color); font-weight: 600; }
.html-container p { margin: 0; overflow-wrap: anywhere; }
"""


@dataclasses.dataclass(frozen=True)
class _Inputs:
  """What the user fills in."""

  source: gr.File
  preview: gr.Image
  about: gr.HTML
  weights: gr.Dropdown
  partner: gr.Dropdown
  alpha: gr.Slider
  outscale: gr.Slider
  ensemble: gr.Checkbox
  start: gr.Button


@dataclasses.dataclass(frozen=True)
class _Outputs:
  """What the user gets."""

  comparison: gr.ImageSlider
  summary: gr.HTML
  download: gr.DownloadButton


def build(service: service_lib.Service, blend: str | None = None) -> gr.Blocks:
  """Lays out the page.

  Args:
    service: upscales the images.
    blend: weights to propose for blending with the first ones, if any.

  Returns:
    The page, for `serve`.

  Raises:
    errors.InputError: `blend` cannot be blended with the first weights.
  """
  first = service.names[0]
  if blend is not None and blend not in service.partners(first):
    raise errors.InputError(
      f"{first} and {blend} cannot be blended: they are of different"
      " architectures, or the same weights"
    )
  with gr.Blocks(
    title="Upscale an image",
    analytics_enabled=False,
    delete_cache=(_MAX_AGE // 6, _MAX_AGE),
  ) as page:
    gr.Markdown(
      "# Upscale an image\nA neural network makes it up to four times as wide"
      " and high. It runs on the computer that serves this page; images are"
      " sent nowhere else."
    )
    with gr.Row():
      with gr.Column(scale=2, min_width=300):
        inputs = _inputs(service, blend)
      with gr.Column(scale=5, min_width=300):
        outputs = _outputs()
    _connect(_Events(service), inputs, outputs)
  return page


def _inputs(service: service_lib.Service, blend: str | None) -> _Inputs:
  """Lays out the column with the image and the options."""
  first = service.names[0]
  blendable = any(service.partners(name) for name in service.names)
  return _Inputs(
    source=gr.File(
      label="Image", file_types=["image"], height=150, elem_id="source"
    ),
    preview=gr.Image(
      show_label=False,
      interactive=False,
      buttons=[],
      height=200,
      visible=False,
      elem_id="preview",
    ),
    about=gr.HTML(visible=False, elem_id="about"),
    weights=gr.Dropdown(
      service.names, value=first, label="Weights", filterable=False
    ),
    partner=gr.Dropdown(
      [_NO_PARTNER, *service.partners(first)],
      value=blend or _NO_PARTNER,
      label="Blend with",
      info="Other weights of the same architecture",
      filterable=False,
      visible=blendable,
    ),
    alpha=gr.Slider(
      *(0, 1, 0.5),
      step=0.05,
      label="Share of the other weights",
      visible=blend is not None,
    ),
    outscale=gr.Slider(
      *(1, service_lib.MAX_OUTSCALE, service_lib.MAX_OUTSCALE),
      step=0.5,
      label="Scale factor",
    ),
    ensemble=gr.Checkbox(
      label="Self-ensemble (x8)",
      info="A little better, and eight times slower",
    ),
    start=gr.Button("Upscale", variant="primary", interactive=False),
  )


def _outputs() -> _Outputs:
  """Lays out the column with the result."""
  return _Outputs(
    comparison=gr.ImageSlider(
      label="Left: bicubic. Right: the chosen weights. Use the wheel to zoom.",
      interactive=False,
      buttons=["fullscreen"],
      max_height=600,
      elem_id="result",
    ),
    summary=gr.HTML(elem_id="summary"),
    download=gr.DownloadButton(
      "Download as PNG", visible=False, elem_id="download"
    ),
  )


class _Events:
  """What happens on the page: from values of components to new ones."""

  def __init__(self, service: service_lib.Service):
    self._service = service

  def preview(self, path):
    """Shows an image that was chosen, and clears the last result."""
    hidden = gr.update(visible=False)
    cleared = None, "", hidden
    if path is None:
      return hidden, hidden, gr.update(interactive=False), *cleared
    try:
      preview = self._service.preview(path)
    except errors.InputError as error:
      text = gr.update(value=_problem(error), visible=True)
      return hidden, text, gr.update(interactive=False), *cleared
    return (
      gr.update(value=str(preview.image), visible=True),
      gr.update(value=_paragraph(preview.sentence), visible=True),
      gr.update(interactive=True),
      *cleared,
    )

  def offer_partners(self, weights):
    """Offers the weights that the chosen ones can be blended with."""
    partners = self._service.partners(weights)
    return gr.update(
      choices=[_NO_PARTNER, *partners],
      value=_NO_PARTNER,
      interactive=bool(partners),
    )

  def show_alpha(self, partner):
    """Shows the share of the other weights if there are any."""
    return gr.update(visible=partner != _NO_PARTNER)

  def upscale(
    self,
    path,
    weights,
    partner,
    alpha,
    outscale,
    ensemble,
    progress=gr.Progress(),  # noqa: B008, Gradio looks for it here
  ):
    """Upscales the image, and shows the result."""
    if path is None:
      raise _refusal("choose an image first")
    progress(0, "Preparing")
    blend = None if partner == _NO_PARTNER else partner
    try:
      result = self._service.upscale(
        path,
        options_lib.Options(
          weights,
          blend=blend,
          alpha=None if blend is None else alpha,
          outscale=outscale,
          ensemble=ensemble,
        ),
        on_progress=lambda share: progress(share, "Upscaling"),
      )
    except errors.InputError as error:
      raise _refusal(error) from error
    return (
      (str(result.before), str(result.after)),
      _paragraph(result.sentence),
      gr.update(value=str(result.file), visible=True),
    )


def _connect(events: _Events, inputs: _Inputs, outputs: _Outputs) -> None:
  """Says which event each component triggers."""
  quietly = {"api_visibility": "private", "show_progress": "hidden"}
  result = [outputs.comparison, outputs.summary, outputs.download]
  inputs.source.change(
    events.preview,
    inputs.source,
    [inputs.preview, inputs.about, inputs.start, *result],
    api_visibility="private",
    show_progress_on=[inputs.about],
  )
  inputs.weights.change(
    events.offer_partners, inputs.weights, inputs.partner, **quietly
  )
  inputs.partner.change(
    events.show_alpha, inputs.partner, inputs.alpha, **quietly
  )
  inputs.start.click(
    events.upscale,
    [
      inputs.source,
      inputs.weights,
      inputs.partner,
      inputs.alpha,
      inputs.outscale,
      inputs.ensemble,
    ],
    result,
    show_progress_on=[outputs.comparison],
    api_name="upscale",
  )


def serve(page: gr.Blocks, host: str, port: int) -> str:
  """Serves the page in the background, and returns its URL."""
  # The system's own fonts: others would be downloaded.
  theme = gr.themes.Default(
    primary_hue="blue",
    font=("system-ui", "sans-serif"),
    font_mono=("ui-monospace", "monospace"),
  )
  _, url, _ = page.launch(
    server_name=host,
    server_port=port,
    theme=theme,
    css=_CSS,
    prevent_thread_lock=True,
    quiet=True,
    # Gradio's other features, some of which environment variables can enable.
    share=False,
    inbrowser=False,
    footer_links=[],
    run_history=False,
    enable_monitoring=False,
    ssr_mode=False,
    pwa=False,
    mcp_server=False,
  )
  return url


def _paragraph(text: str) -> str:
  return f"<p>{html.escape(text)}</p>"


def _problem(error: Exception) -> str:
  return f'<p class="problem" role="alert">{html.escape(str(error))}</p>'


def _refusal(error: Exception | str) -> gr.Error:
  return gr.Error(
    html.escape(str(error)),
    duration=None,
    title="This did not work",
    print_exception=False,
  )
