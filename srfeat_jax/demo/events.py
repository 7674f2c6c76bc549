"""What happens on the page: from values of its components to new ones.

Methods of `Events` that take a `gr.Request` know by it which tab of which
browser asks.
"""

import html
import threading

import gradio as gr

from srfeat_jax import errors
from srfeat_jax.demo import service as service_lib
from srfeat_jax.demo import speed
from srfeat_jax.upscaling import options as options_lib

NO_PARTNER = "none"


class Stopped(Exception):
  """The user does not want the result any more."""


class Events:
  """What the components of a page trigger."""

  def __init__(self, service: service_lib.Service):
    self._service = service
    # Set when the tab's run is to stop. There is one for each tab whose run
    # waits or is in progress.
    self._stops: dict[str | None, threading.Event] = {}

  def allowed(self) -> str:
    """Says what is accepted."""
    return _paragraph(self._service.allowed)

  def preview(self, path, request: gr.Request) -> tuple:
    """Shows an image that was chosen, and clears the last result."""
    self.stop(request)
    hidden = gr.update(visible=False)
    disabled = gr.update(interactive=False)
    cleared = None, "", hidden
    if path is None:
      return hidden, hidden, hidden, disabled, *cleared
    try:
      preview = self._service.preview(path)
    except errors.InputError as error:
      # Where the estimate would be, which fails for the same reason.
      text = gr.update(value=_problem(error), visible=True)
      return hidden, hidden, text, disabled, *cleared
    return (
      gr.update(value=str(preview.image), visible=True),
      gr.update(value=_paragraph(preview.sentence), visible=True),
      gr.update(value=_paragraph("Estimating the time ..."), visible=True),
      gr.update(interactive=True),
      *cleared,
    )

  def estimate(
    self, path, weights, partner, alpha, outscale, ensemble
  ) -> tuple:
    """Says what upscaling will take, or why it is refused."""
    if path is None:
      return gr.update(visible=False), gr.update(interactive=False)
    try:
      estimate = self._service.estimate(
        path, _options(weights, partner, alpha, outscale, ensemble)
      )
    except errors.InputError as error:
      text = gr.update(value=_problem(error), visible=True)
      return text, gr.update(interactive=False)
    return (
      gr.update(value=_paragraph(estimate.sentence), visible=True),
      gr.update(interactive=True),
    )

  def offer_partners(self, weights) -> dict:
    """Offers the weights that the chosen ones can be blended with."""
    partners = self._service.menu.partners(weights)
    return gr.update(
      choices=[NO_PARTNER, *partners],
      value=NO_PARTNER,
      interactive=bool(partners),
    )

  def show_alpha(self, partner) -> dict:
    """Shows the share of the other weights if there are any."""
    return gr.update(visible=partner != NO_PARTNER)

  def begin(self, request: gr.Request) -> tuple:
    """Offers to stop, from the click on; the run may have to wait."""
    self._stops[request.session_hash] = threading.Event()
    return (
      gr.update(visible=False),
      gr.update(visible=True, interactive=True, value="Stop"),
    )

  def upscale(
    self,
    path,
    weights,
    partner,
    alpha,
    outscale,
    ensemble,
    request: gr.Request,
    progress=gr.Progress(),  # noqa: B008, Gradio looks for it here
  ) -> tuple:
    """Upscales the image, and shows the result."""
    stop = self._stops.get(request.session_hash, threading.Event())
    time_left = speed.TimeLeft()

    def report(share: float, text: str) -> None:
      if stop.is_set():
        raise Stopped
      progress(share, text)

    hidden = gr.update(visible=False)
    try:
      if path is None:
        raise errors.InputError("choose an image first")
      report(0, "Preparing")
      result = self._service.upscale(
        path,
        _options(weights, partner, alpha, outscale, ensemble),
        lambda share: report(share, f"Upscaling{time_left(share)}"),
        lambda stage: report(1, stage),
      )
    except errors.InputError as error:
      raise _refusal(error) from error
    except Stopped:
      return None, _paragraph("Stopped."), hidden
    return (
      (str(result.before), str(result.after)),
      _paragraph(result.sentence),
      gr.update(value=str(result.file), visible=True),
    )

  def end(self, request: gr.Request) -> tuple:
    """Offers to start again, after a result, an error or a stop."""
    self._stops.pop(request.session_hash, None)
    return gr.update(visible=True), gr.update(visible=False)

  def stop(self, request: gr.Request) -> None:
    """Makes the tab's run stop after the tile it is at, if there is a run."""
    if request.session_hash in self._stops:
      self._stops[request.session_hash].set()

  def stop_and_say(self, request: gr.Request) -> dict:
    """Stops, and says on the button that it takes a moment."""
    self.stop(request)
    return gr.update(value="Stopping ...", interactive=False)


def _options(
  weights, partner, alpha, outscale, ensemble
) -> options_lib.Options:
  blend = None if partner == NO_PARTNER else partner
  return options_lib.Options(
    weights,
    blend=blend,
    alpha=None if blend is None else alpha,
    outscale=outscale,
    ensemble=ensemble,
  )


def _paragraph(text: str) -> str:
  return f"<p>{html.escape(text)}</p>"


def _problem(error: Exception) -> str:
  return f'<p class="problem" role="alert">{html.escape(str(error))}</p>'


def _refusal(error: Exception) -> gr.Error:
  return gr.Error(
    html.escape(str(error)),
    duration=None,
    title="This did not work",
    print_exception=False,
  )
