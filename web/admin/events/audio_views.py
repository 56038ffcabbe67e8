"""``/admin/events/<id>/…/audio``: what was heard on calls and in voice notes, to be heard again."""

from io import BytesIO

import structlog
from flask import Response, abort, send_file
from flask_babel import gettext as _

from gateway.model.user import Role
from gateway.ports.speech import AudioFormat, SpeechError
from gateway.services import spoken
from web.admin import access
from web.admin.events.views import blueprint, visible_event
from web.services import admin_services, services

log = structlog.get_logger(__name__)

# What every browser of these years plays; a phone's own encodings at 8 kHz none does.
_TYPES = {AudioFormat.PHONE: "audio/wav", AudioFormat.VOICE_NOTE: "audio/ogg"}
# Whether it is the file that was heard: ``yes``, ``no`` (said anew) or ``unknown`` (its hash was not kept).
ORIGINAL_HEADER = "X-Tocsin-Original"


@blueprint.get("/<int:event_id>/calls/<call_id>/audio")
@access.open_to(Role.VIEWER)
def call_audio(event_id: int, call_id: str) -> Response:
    """Send what a call announced."""
    event = visible_event(event_id)
    return _sound(spoken.of_call(services().record, call_id, event_id=event.id))


@blueprint.get("/<int:event_id>/notes/<int:attempt_id>/audio")
@access.open_to(Role.VIEWER)
def note_audio(event_id: int, attempt_id: int) -> Response:
    """Send what a voice note said."""
    event = visible_event(event_id)
    return _sound(spoken.of_note(services().record, attempt_id, event_id=event.id))


def _sound(saying: spoken.Saying | None) -> Response:
    """Send the audio, whole or the part that is asked for; 503 with a sentence where there is none any more."""
    speech = admin_services().speech
    if saying is None:
        abort(404)
    if speech is None:
        return _none(_("Nothing speaks here, so that it cannot be heard again."))
    try:
        sound = spoken.sound_of(speech, saying)
    except (SpeechError, OSError) as error:
        log.warning("audio_not_spoken_again", error=str(error))
        return _none(_("It is not kept any more, and could not be said anew: %(reason)s", reason=str(error)))
    answer = send_file(BytesIO(sound.content), mimetype=_TYPES[sound.audio_format], etag=sound.sha256, max_age=0)
    answer.headers[ORIGINAL_HEADER] = {True: "yes", False: "no", None: "unknown"}[sound.is_original]
    # The words stay among those who may see the event, whoever else reads the browser's cache.
    answer.headers["Cache-Control"] = "private, no-cache"
    return answer


def _none(sentence: str) -> Response:
    return Response(sentence, status=503, content_type="text/plain; charset=utf-8")
