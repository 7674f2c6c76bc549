"""How the page of `demo` looks, in Gradio."""

import html

import gradio as gr

from srfeat_jax import errors
from srfeat_jax.demo import service as service_lib
from srfeat_jax.upscaling import options as options_lib

_OLD = 3600  # seconds after which files are deleted that were up- or downloaded
_NOTHING = "nothing"
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


def build(service: service_lib.Service, blend: str | None = None) -> gr.Blocks:
  """Lays out the page.

  Args:
    service: what enlarges.
    blend: weights to propose for blending, if not none.

  Returns:
    The page, which `serve` serves.

  Raises:
    errors.InputError: `blend` cannot be blended with the first weights.
  """
  first = service.names[0]
  partners = service.partners(first)
  if blend not in (None, *partners):
    raise errors.InputError(
      f"{first} and {blend} cannot be blended: they are of different"
      " architectures, or the same."
    )
  blendable = any(service.partners(name) for name in service.names)
  with gr.Blocks(
    title="Enlarge a picture",
    analytics_enabled=False,
    delete_cache=(_OLD // 6, _OLD),
  ) as page:
    gr.Markdown(
      "# Enlarge a picture\nA neural network makes it up to four times as wide"
      " and high. It runs on the computer that serves this page; pictures are"
      " sent nowhere else."
    )
    with gr.Row():
      with gr.Column(scale=2, min_width=300):
        source = gr.File(
          label="Picture", file_types=["image"], height=150, elem_id="source"
        )
        preview = gr.Image(
          show_label=False,
          interactive=False,
          buttons=[],
          height=200,
          visible=False,
          elem_id="preview",
        )
        about = gr.HTML(visible=False, elem_id="about")
        name = gr.Dropdown(
          service.names, value=first, label="Weights", filterable=False
        )
        partner = gr.Dropdown(
          [_NOTHING, *partners],
          value=blend or _NOTHING,
          label="Blend with",
          info="Other weights of the same architecture",
          filterable=False,
          visible=blendable,
        )
        alpha = gr.Slider(
          *(0, 1, 0.5),
          step=0.05,
          label="Share of the other weights",
          visible=blend is not None,
        )
        outscale = gr.Slider(
          *(1, service_lib.LARGEST_SCALE, service_lib.LARGEST_SCALE),
          step=0.5,
          label="Times as wide and high",
        )
        ensemble = gr.Checkbox(
          label="Ensemble",
          info="A little better, and eight times slower",
        )
        start = gr.Button("Enlarge", variant="primary", interactive=False)
      with gr.Column(scale=5, min_width=300):
        slider = gr.ImageSlider(
          label="Left: bicubic interpolation. Right: enlarged. Wheel: zoom.",
          interactive=False,
          buttons=["fullscreen"],
          max_height=600,
          elem_id="result",
        )
        said = gr.HTML(elem_id="said")
        download = gr.DownloadButton(
          "Download as PNG", visible=False, elem_id="download"
        )

    def look(path):
      hidden = gr.update(visible=False)
      results = None, "", hidden
      if path is None:
        return hidden, hidden, gr.update(interactive=False), *results
      try:
        seen = service.preview(path)
      except errors.InputError as error:
        text = gr.update(value=_problem(error), visible=True)
        return hidden, text, gr.update(interactive=False), *results
      return (
        gr.update(value=str(seen.shown), visible=True),
        gr.update(value=_paragraph(seen.sentence), visible=True),
        gr.update(interactive=True),
        *results,
      )

    def enlarge(
      path,
      name,
      partner,
      alpha,
      outscale,
      ensemble,
      progress=gr.Progress(),  # noqa: B008, Gradio looks for it here
    ):
      if path is None:
        raise _refusal("Choose a picture first.")
      progress(0, "Preparing")
      blend = None if partner == _NOTHING else partner
      try:
        result = service.enlarge(
          path,
          options_lib.Options(
            name,
            blend=blend,
            alpha=None if blend is None else alpha,
            outscale=outscale,
            ensemble=ensemble,
          ),
          on_progress=lambda share: progress(share, "Enlarging"),
        )
      except errors.InputError as error:
        raise _refusal(error) from error
      return (
        (str(result.before), str(result.after)),
        _paragraph(result.sentence),
        gr.update(value=str(result.file), visible=True),
      )

    def offer_partners(name):
      choices = service.partners(name)
      return gr.update(
        choices=[_NOTHING, *choices],
        value=_NOTHING,
        interactive=bool(choices),
      )

    quietly = {"api_visibility": "private", "show_progress": "hidden"}
    source.change(
      look,
      source,
      [preview, about, start, slider, said, download],
      api_visibility="private",
      show_progress_on=[about],
    )
    name.change(offer_partners, name, partner, **quietly)
    partner.change(
      lambda chosen: gr.update(visible=chosen != _NOTHING),
      partner,
      alpha,
      **quietly,
    )
    start.click(
      enlarge,
      [source, name, partner, alpha, outscale, ensemble],
      [slider, said, download],
      show_progress_on=[slider],
      api_name="enlarge",
    )
  return page


def serve(page: gr.Blocks, host: str, port: int) -> str:
  """Serves the page in the background, and returns where it is."""
  # Fonts of the person's own system: others would be fetched.
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
    # None of what else it can do, which the environment might ask for.
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
