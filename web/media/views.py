"""``/media/<token>.ogg`` and ``.wav``: one audio file, for as long as its signed address is valid."""

from flask import Blueprint, Response, abort, send_from_directory

from web.services import services

blueprint = Blueprint("media", __name__, url_prefix="/media")


@blueprint.get("/<token>.ogg")
def voice_note(token: str) -> Response:
    """Send a voice note."""
    return _send(token, ".ogg", "audio/ogg")


@blueprint.get("/<token>.wav")
def call_sound(token: str) -> Response:
    """Send what a call through a cloud provider plays."""
    return _send(token, ".wav", "audio/wav")


def _send(token: str, suffix: str, kind: str) -> Response:
    """Send a file. Names that lead out of the audio directory, and files that are gone, are unknown."""
    name = services().media.read(token)
    if name is None or not name.endswith(suffix):
        abort(404)
    response = send_from_directory(services().audio_dir.resolve(), name, mimetype=kind, max_age=0)
    response.headers["Cache-Control"] = "private, max-age=0"
    return response
