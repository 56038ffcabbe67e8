from typing import Any

import pytest
from twilio.base.exceptions import TwilioException, TwilioRestException, TwilioServiceException

from gateway.channels.twilio.client import failed_delivery
from gateway.model.attempt import AttemptState


def problem(**changes: Any) -> TwilioServiceException:
    document = {"type_uri": "https://x", "title": "Title", "status": 400, "code": 29999, "detail": "Detail"}
    return TwilioServiceException(**(document | changes))


@pytest.mark.parametrize(
    ("error", "state", "reason"),
    [
        (
            TwilioRestException(400, "/x", "Unable to create record: Bad thing", 29998),
            AttemptState.FAILED,
            "29998: Bad thing",
        ),
        (
            TwilioRestException(400, "/x", "Unable to create record", 400),
            AttemptState.FAILED,
            "Unable to create record",
        ),
        (TwilioRestException(400, "/x", "Odd", ["29998"]), AttemptState.FAILED, "Odd"),
        (problem(), AttemptState.FAILED, "29999: Detail"),
        (problem(detail=None), AttemptState.FAILED, "29999: Title"),
        (problem(status="four hundred"), AttemptState.UNKNOWN, "HTTP 500 from Twilio"),
        (TwilioException("?"), AttemptState.UNKNOWN, "no answer of Twilio's kind: TwilioException"),
        (ValueError("not JSON"), AttemptState.UNKNOWN, "no answer of Twilio's kind: ValueError"),
    ],
)
def test_each_exception_of_the_library_has_its_state(error: Exception, state: AttemptState, reason: str) -> None:
    delivery = failed_delivery(error)
    assert (delivery.state, delivery.reason) == (state, reason)
