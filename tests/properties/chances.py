"""What can happen to an engine, and what must have happened in every run: what never happens is not tested."""

from enum import Enum, auto

from hypothesis import strategies as st

from gateway.model.attempt import AttemptState, Level
from gateway.model.call import CallOutcome
from gateway.model.event import EventStatus

MUST_HAPPEN = (
    *(status.value for status in EventStatus if status is not EventStatus.OPEN),
    *(level.value for level in Level if level is not Level.CALL),
    *("call", "bundled call", "call after an edit", "call that waits for another", "key 1", "key 2"),
    *("test call", "test message"),
    *("death", "database lost", "audit", "phone_system_out_of_reach", "no_answer", "found_at_provider"),
    *("call_cap_number_3h", "call_cap_contact_hour", "voice_quota_spent"),
    *("not_in_tier", "not_in_policy", "no_owner_chat"),
)

PLACES = st.integers(0, 7)
# The second license is the smaller one.
TENANTS = st.sampled_from([0, 0, 1])
HANDOFFS = st.sampled_from([None, "+15550998", "+15550999"])
UNANSWERED = st.sampled_from(
    [
        CallOutcome.NO_ANSWER,
        CallOutcome.BUSY,
        CallOutcome.DECLINED,
        CallOutcome.INVALID_NUMBER,
        CallOutcome.TRUNK_TROUBLE,
    ]
)
SEND_RESULTS = st.sampled_from([AttemptState.SENT, AttemptState.FAILED, AttemptState.UNAVAILABLE, AttemptState.UNKNOWN])
POLICY_EDITS: list[dict[str, object | None]] = [
    {"l1_wait": "1s", "l2_wait": "1s"},
    {"l1_wait": "20s"},
    {"call_attempts": 0},
    {"call_attempts": 1, "call_gap": "2s"},
    {"call_gap": "1m", "ring_timeout": "10s"},
    {"stand_down": False},
    {"events_per_minute": 2},
    dict.fromkeys(
        ("l1_wait", "l2_wait", "call_attempts", "call_gap", "ring_timeout", "stand_down", "events_per_minute")
    ),
]


class ContactEdit(Enum):
    ADD = auto()
    NUMBER = auto()
    ORDER = auto()
    ENABLED = auto()
