"""The layout of the page, in Gradio."""

import dataclasses

import gradio as gr

from srfeat_jax import errors
from srfeat_jax.demo import events as events_lib
from srfeat_jax.demo import service as service_lib

_MAX_AGE = 3600  # seconds after which uploaded files and results are deleted
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
#weights input { text-overflow: ellipsis; margin-right: 1.5rem; }
.html-container { padding: 0 !important; }
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
  estimate: gr.HTML
  start: gr.Button
  stop: gr.Button

  @property
  def options(self) -> list:
    """The image, and how it is to be upscaled."""
    return [
      self.source,
      self.weights,
      self.partner,
      self.alpha,
      self.outscale,
      self.ensemble,
    ]


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
  first = service.menu.names[0]
  if blend is not None and blend not in service.menu.partners(first):
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
    allowed = gr.HTML(elem_id="allowed")
    with gr.Row():
      with gr.Column(scale=2, min_width=300):
        inputs = _inputs(service, blend)
      with gr.Column(scale=5, min_width=300):
        outputs = _outputs()
    events = events_lib.Events(service)
    _connect(events, inputs, outputs)
    page.load(
      events.allowed,
      None,
      allowed,
      queue=False,
      api_visibility="private",
      show_progress="hidden",
    )
    page.unload(events.stop)
  return page


def _inputs(service: service_lib.Service, blend: str | None) -> _Inputs:
  """Lays out the column with the image and the options."""
  first = service.menu.names[0]
  source = gr.File(
    label="Image", file_types=["image"], height=150, elem_id="source"
  )
  preview = gr.Image(
    show_label=False,
    interactive=False,
    buttons=[],
    height=160,
    visible=False,
    elem_id="preview",
  )
  about = gr.HTML(visible=False, elem_id="about")
  weights = gr.Dropdown(
    [(_label(service, name), name) for name in service.menu.names],
    value=first,
    label="Weights",
    filterable=False,
    elem_id="weights",
  )
  outscale = gr.Slider(
    *(1, service_lib.MAX_OUTSCALE, service_lib.MAX_OUTSCALE),
    step=0.5,
    label="Scale factor",
  )
  with gr.Accordion("More options", open=blend is not None):
    partner = gr.Dropdown(
      [events_lib.NO_PARTNER, *service.menu.partners(first)],
      value=blend or events_lib.NO_PARTNER,
      label="Blend with",
      info="Other weights of the same architecture",
      filterable=False,
      visible=any(service.menu.partners(name) for name in service.menu.names),
    )
    alpha = gr.Slider(
      *(0, 1, 0.5),
      step=0.05,
      label="Share of the other weights",
      visible=blend is not None,
    )
    ensemble = gr.Checkbox(
      label="Self-ensemble (x8)",
      info="A little better, and eight times slower",
    )
  return _Inputs(
    *(source, preview, about, weights, partner, alpha, outscale, ensemble),
    estimate=gr.HTML(visible=False, elem_id="estimate"),
    start=gr.Button("Upscale", variant="primary", interactive=False),
    stop=gr.Button("Stop", variant="stop", visible=False),
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


def _label(service: service_lib.Service, name: str) -> str:
  """Weights in the menu, with what they are for."""
  return f"{name}: {service.menu.purpose(name)}"


def _connect(
  events: events_lib.Events, inputs: _Inputs, outputs: _Outputs
) -> None:
  """Says which event each component triggers."""
  hidden = {"api_visibility": "private", "show_progress": "hidden"}
  result = [outputs.comparison, outputs.summary, outputs.download]
  estimate = [inputs.estimate, inputs.start]
  inputs.source.change(
    events.preview,
    inputs.source,
    [inputs.preview, inputs.about, *estimate, *result],
    api_visibility="private",
    show_progress_on=[inputs.about],
  ).then(events.estimate, inputs.options, estimate, **hidden)
  inputs.weights.change(
    events.offer_partners, inputs.weights, inputs.partner, **hidden
  )
  inputs.partner.change(
    events.show_alpha, inputs.partner, inputs.alpha, **hidden
  )
  gr.on(
    [inputs.weights.change, inputs.outscale.change, inputs.ensemble.change],
    events.estimate,
    inputs.options,
    estimate,
    trigger_mode="always_last",
    **hidden,
  )
  buttons = [inputs.start, inputs.stop]
  inputs.start.click(events.begin, None, buttons, queue=False, **hidden).then(
    events.upscale,
    inputs.options,
    result,
    show_progress_on=[outputs.comparison],
    api_name="upscale",
  ).then(events.end, None, buttons, **hidden)
  inputs.stop.click(
    events.stop_and_say, None, inputs.stop, queue=False, **hidden
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
