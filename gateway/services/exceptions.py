"""What a use case cannot do. Each docstring tells the operator what to do."""


class ServiceError(Exception):
    """A use case was asked for something that it cannot do; the message says what to change."""


class UnknownLicenseError(ServiceError):
    """There is no license with that id. ``tocsin license list`` shows those that exist."""

    def __init__(self, license_id: int) -> None:
        super().__init__(f"there is no license {license_id}: see tocsin license list")


class UnknownTierError(ServiceError):
    """The configuration has no such tier. Use one of those named, or add it under ``tiers``."""

    def __init__(self, tier: str, known: list[str]) -> None:
        super().__init__(f"there is no tier {tier!r}: the configuration has {', '.join(known)}")


class UnknownEventError(ServiceError):
    """There is no event with that id. ``tocsin event list`` shows the newest."""

    def __init__(self, event_id: int) -> None:
        super().__init__(f"there is no event {event_id}: see tocsin event list")


class UnknownContactError(ServiceError):
    """There is no contact with that id. ``tocsin contact list`` shows those of a license."""

    def __init__(self, contact_id: int) -> None:
        super().__init__(f"there is no contact {contact_id}: see tocsin contact list --license ID")


class UnknownCallError(ServiceError):
    """There is no call with that id. ``tocsin call list`` shows the newest."""

    def __init__(self, call_id: str) -> None:
        super().__init__(f"there is no call {call_id}: see tocsin call list")


class UnknownUserError(ServiceError):
    """There is no such user. ``tocsin admin list`` shows those that exist."""

    def __init__(self, user: str) -> None:
        super().__init__(f"there is no user {user}: see tocsin admin list")


class UnknownSourceError(ServiceError):
    """There is no alert source with that id. ``tocsin source list`` shows those that exist."""

    def __init__(self, source_id: int) -> None:
        super().__init__(f"there is no alert source {source_id}: see tocsin source list")


class TokenNotKeptError(ServiceError):
    """No copy of the source's token was kept. Rotate the token to get a new one."""

    def __init__(self, name: str) -> None:
        super().__init__(f"the token of {name} is not kept here: rotate it to get a new one")


class AmbiguousCallError(ServiceError):
    """More than one call has an id that begins so. Write more of it."""

    def __init__(self, beginning: str) -> None:
        super().__init__(f"more than one call has an id that begins with {beginning}: write more of it")


class InvalidValueError(ServiceError):
    """A value cannot be recorded as given. The message says how to write it."""

    def __init__(self, name: str, problem: str) -> None:
        self.name = name
        super().__init__(f"{name}: {problem}")


class PositionTakenError(ServiceError):
    """Another contact of the license has that position. Leave the position out to come last."""

    def __init__(self, position: int, name: str) -> None:
        super().__init__(f"position {position} is taken by {name}: choose another, or leave it out to come last")


class TrialRefusedError(ServiceError):
    """A contact cannot be tried now. ``reason`` is the code of why, which the pages put into words."""

    def __init__(self, reason: str) -> None:
        self.reason = reason
        super().__init__(f"the test is refused: {reason}")
