"""The first user of a new installation, made where there is none, so that the pages can be opened at once."""

import secrets
import sys
from datetime import UTC, datetime

import structlog

from gateway.config.schema import Config
from gateway.model.user import Role
from gateway.ports.record import RecordUnavailableError
from gateway.services import users
from gateway.services.exceptions import InvalidValueError
from gateway.services.passwords import Passwords
from gateway.store.record import open_record

log = structlog.get_logger(__name__)

EMAIL = "admin@localhost"
_PASSWORD_BYTES = 12


def first_sign_in(config: Config) -> None:
    """Make a superadmin where there is no user at all, and print the password, this once and nowhere else."""
    record = open_record(config.database_url, pool_size=1)
    try:
        if users.list_users(record):
            return
        password = secrets.token_urlsafe(_PASSWORD_BYTES)
        users.add_user(
            record,
            Passwords(),
            email=EMAIL,
            password=password,
            name="Administrator",
            role=Role.SUPERADMIN,
            at=datetime.now(UTC),
        )
    except InvalidValueError:
        return  # another machine of this installation was quicker
    except RecordUnavailableError as error:
        log.warning("first_sign_in_not_made", error=str(error))
        return
    finally:
        record.close()
    address = f"{config.web.public_url.rstrip('/')}/admin"
    # Not a log line: logs are kept and sent on.
    sys.stderr.write(
        f"\n  First sign-in, shown this once: {address}\n"
        f"    e-mail    {EMAIL}\n    password  {password}\n"
        "  Change it there under My account, or by: tocsin admin password --email admin@localhost\n\n"
    )
    sys.stderr.flush()
