"""Who is signed in, and what they may see and do.

Nothing under ``/admin`` is open by default: a view without ``open_to`` or ``open_to_all`` is refused, and a test holds
that there is none.
"""

import functools
import hmac
from collections.abc import Callable, Collection
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

from flask import Flask, abort, current_app, redirect, request, session, url_for
from flask.typing import ResponseReturnValue
from flask_login import LoginManager, UserMixin, current_user, login_user, logout_user

from gateway.model.audit import Actor
from gateway.model.license import License
from gateway.model.user import Role, User
from gateway.ports.record import UnitOfWork
from web.services import services

P = ParamSpec("P")
R = TypeVar("R")

# From the least to the most.
_RANKS = {Role.VIEWER: 0, Role.ADMIN: 1, Role.SUPERADMIN: 2}
_LEAST_ROLE = "_tocsin_least_role"
_OPEN_TO_ALL = "_tocsin_open_to_all"
_CHOSEN = "license"


class SignedIn(UserMixin):
    """A user as Flask-Login carries them. The session holds their id and the key that ends with their password."""

    def __init__(self, user: User) -> None:
        self.user = user

    def get_id(self) -> str:
        """Return what the session holds."""
        return f"{self.user.id}:{self.user.session_key}"


@dataclass(frozen=True, slots=True)
class Scope:
    """Which licenses the present user looks at. ``license_ids`` is ``None`` for all; ``chosen`` is the one picked."""

    license_ids: frozenset[int] | None
    chosen: int | None = None

    @property
    def shown(self) -> frozenset[int] | None:
        """The licenses that a list shows: the one that was picked, else all that the user may see."""
        return self.license_ids if self.chosen is None else frozenset({self.chosen})

    def sees(self, license_id: int | None) -> bool:
        """Tell whether the user may see what belongs to that license; what belongs to none is a superadmin's."""
        return self.license_ids is None or license_id in self.license_ids


def init_app(app: Flask) -> None:
    """Set up Flask-Login."""
    manager = LoginManager(app)
    # A session is bound to the user's key; addresses change on the way between two mobile networks.
    manager.session_protection = None

    @manager.user_loader
    def load(key: str) -> SignedIn | None:
        user_id, _, session_key = key.partition(":")
        if not user_id.isdecimal():
            return None
        with services().record.read() as work:
            user = work.users.get(int(user_id))
        if user is None or not user.enabled or not hmac.compare_digest(user.session_key, session_key):
            return None
        return SignedIn(user)

    @manager.unauthorized_handler
    def to_sign_in() -> ResponseReturnValue:
        wanted = request.full_path.rstrip("?") if request.method == "GET" else None
        return redirect(url_for("admin.account.sign_in", next=wanted))


def begin(user: User) -> None:
    """Sign the user in, in a new session."""
    session.clear()
    session.permanent = True
    login_user(SignedIn(user))


def end() -> None:
    """Sign the present user out."""
    logout_user()
    session.clear()


def user() -> User:
    """Return the user who is signed in; there is one in every view but those that are open to all."""
    found: User = current_user.user
    return found


def user_or_none() -> User | None:
    """Return the user who is signed in, if somebody is."""
    return current_user.user if current_user.is_authenticated else None


def actor() -> Actor:
    """Return the present user as the audit log names them."""
    there = user_or_none()
    if there is None:
        return Actor(name="nobody", address=request.remote_addr)
    return Actor(name=there.email, user_id=there.id, address=request.remote_addr)


def may(role: Role) -> bool:
    """Tell whether the present user has that role or a higher one."""
    return _RANKS[user().role] >= _RANKS[role]


def scope() -> Scope:
    """Return which licenses the present user looks at."""
    there = user()
    license_ids = None if there.role is Role.SUPERADMIN else there.license_ids
    chosen = session.get(_CHOSEN)
    if not isinstance(chosen, int) or (license_ids is not None and chosen not in license_ids):
        chosen = None
    return Scope(license_ids, chosen)


def choose(license_id: int | None) -> None:
    """Pick the license that all lists show; ``None`` for all that the user may see."""
    if license_id is None:
        session.pop(_CHOSEN, None)
    else:
        session[_CHOSEN] = license_id


def visible_licenses(work: UnitOfWork) -> list[License]:
    """Return the licenses that the present user may see, by name."""
    now = scope()
    return sorted((one for one in work.licenses.list() if now.sees(one.id)), key=lambda one: one.name.casefold())


def require_visible(license_id: int | None) -> None:
    """Answer 404 where the user may not see that license: what is another's does not exist for them."""
    if not scope().sees(license_id):
        abort(404)


def open_to(role: Role) -> Callable[[Callable[P, R]], Callable[P, R]]:
    """Open a view to those with that role or a higher one; others are told that they may not (403)."""

    def decorate(view: Callable[P, R]) -> Callable[P, R]:
        setattr(view, _LEAST_ROLE, role)
        return view

    return decorate


def open_to_all(view: Callable[P, R]) -> Callable[P, R]:
    """Open a view to those who are not signed in."""
    setattr(view, _OPEN_TO_ALL, True)
    return view


def least_role(view: Callable[..., object]) -> Role | None:
    """Return the role that a view is open to, ``None`` where it is open to all. Raises ``LookupError`` for neither."""
    inner = view.func if isinstance(view, functools.partial) else view
    if getattr(inner, _OPEN_TO_ALL, False):
        return None
    role = getattr(inner, _LEAST_ROLE, None)
    if isinstance(role, Role):
        return role
    raise LookupError(f"{view!r} does not say whom it is open to")


def check(view: Callable[..., object]) -> ResponseReturnValue | None:
    """Refuse the present request where the user may not make it: by the way to the sign-in, or 403."""
    role = least_role(view)
    if role is None:
        return None
    if not current_user.is_authenticated:
        answer: ResponseReturnValue = LoginManager.unauthorized(_manager())
        return answer
    if not may(role):
        abort(403)
    return None


def licenses_of(ids: Collection[int] | None, work: UnitOfWork) -> dict[int, str]:
    """Return the names of licenses by their ids; ``None`` for all."""
    return {one.id: one.name for one in work.licenses.list() if ids is None or one.id in ids}


def _manager() -> LoginManager:
    manager: LoginManager = current_app.login_manager  # type: ignore[attr-defined] # Flask-Login puts it there
    return manager
