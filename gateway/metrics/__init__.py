"""What is counted, for Prometheus: the name, the unit and the labels of every figure.

A leaf that every layer above the ports may use, as it does the log. ``gateway.app.metric_files`` decides, before this
is first imported, whether a process counts for itself or into files that ``/metrics`` adds up over all processes
(prometheus_client's multiprocess mode). Labels take values from small closed sets alone: no ids, no names of people.

Names follow https://prometheus.io/docs/practices/naming/: seconds, and ``_total`` for what only grows.
"""

from gateway.metrics.quiet import QuietCounter as Counter
from gateway.metrics.quiet import QuietHistogram as Histogram

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
_SLOW = (0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 20.0, 30.0, 60.0)

# --- the web ----------------------------------------------------------------------------------------------------------

HTTP_REQUESTS = Counter(
    "tocsin_http_requests_total", "Requests that were answered, by view and status.", ["view", "method", "status"]
)
HTTP_SECONDS = Histogram(
    "tocsin_http_request_seconds", "From a request's arrival in its worker to its answer.", ["view"], buckets=_FAST
)
POSTS_REFUSED = Counter(
    "tocsin_posts_refused_total", "Posts to the alert address that were refused, by error code.", ["error"]
)
CALLBACKS_REFUSED = Counter("tocsin_callbacks_refused_total", "Callbacks of providers whose signature was wrong.")

# --- what was committed -----------------------------------------------------------------------------------------------

ALERTS = Counter(
    "tocsin_alerts_total", "Alerts on record: accepted, repeated, throttled, or resolved by their source.", ["result"]
)
ATTEMPTS_SKIPPED = Counter(
    "tocsin_attempts_skipped_total",
    "Steps of ladders that could not be made, by level and reason.",
    ["level", "reason"],
)
MESSAGES = Counter("tocsin_messages_total", "Messages by level and what became of them.", ["level", "result"])
DELIVERY_REPORTS = Counter(
    "tocsin_delivery_reports_total", "What providers reported of messages later on.", ["level", "result"]
)
CALLS_DIALLED = Counter("tocsin_calls_dialled_total", "Legs that were ordered, by trunk.", ["trunk"])
CALLS_ENDED = Counter("tocsin_calls_ended_total", "Legs that ended, by trunk and outcome.", ["trunk", "outcome"])
CALL_SECONDS = Counter("tocsin_call_connected_seconds_total", "Seconds that calls were connected, by trunk.", ["trunk"])
POST_DIAL_DELAY = Histogram(
    "tocsin_call_post_dial_delay_seconds",
    "From a call's order to its ringing, by trunk (ITU-T E.431).",
    ["trunk"],
    buckets=_SLOW,
)
KEYS = Counter("tocsin_keys_pressed_total", "Keys that callees pressed in the menu.", ["key"])
ACKNOWLEDGEMENTS = Counter(
    "tocsin_acknowledgements_total",
    "Acknowledgements by their way; first: those that stopped an escalation.",
    ["via", "first"],
)
ACKNOWLEDGEMENT_SECONDS = Histogram(
    "tocsin_acknowledgement_commit_seconds",
    "From a key, tap or reply as it came in until it was committed.",
    ["via"],
    buckets=_FAST,
)
EXHAUSTED = Counter("tocsin_escalations_exhausted_total", "Escalations that reached the end of their ladder untaken.")
ENGINE_FAULTS = Counter("tocsin_engine_faults_total", "Faults of actors that were put on a timeline and mended.")
WRITE_SECONDS = Histogram(
    "tocsin_record_write_seconds",
    "From asking for a transaction that writes until its commit, waiting for its turn included.",
    buckets=_FAST,
)

# --- the engine -------------------------------------------------------------------------------------------------------

STEP_LATENESS = Histogram(
    "tocsin_step_lateness_seconds",
    "By how much a step of a ladder was recorded after it was due.",
    buckets=(*_FAST, 30.0, 120.0),
)
SEND_SECONDS = Histogram(
    "tocsin_message_send_seconds",
    "From handing a message to its thread until its result was on record.",
    ["level"],
    buckets=_SLOW,
)
PREPARE_SECONDS = Histogram(
    "tocsin_call_preparation_seconds",
    "From a granted line to a call that can be dialled: speech, caps, record.",
    buckets=_FAST,
)
SPEECH = Counter(
    "tocsin_speech_utterances_total",
    "Utterances by engine: spoken anew, cached, or late (in the cache after its call had gone on).",
    ["engine", "how"],
)
SPEECH_FALLBACKS = Counter(
    "tocsin_speech_fallbacks_total", "Utterances that an engine left to the next one, by reason.", ["engine", "reason"]
)
NODE_CONNECTIONS = Counter(
    "tocsin_phone_node_connections_total", "Connections to Asterisk that were made and lost.", ["node", "event"]
)
