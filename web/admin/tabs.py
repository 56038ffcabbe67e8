"""The tabs, in their order."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from flask_babel import LazyString, lazy_gettext

from gateway.model.user import Role


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab: its first view, its name, its Bootstrap icon, and whom it is open to."""

    endpoint: str
    name: LazyString
    icon: str
    least_role: Role = Role.VIEWER

    @property
    def part(self) -> str:
        """The blueprint that all views of the tab belong to."""
        return self.endpoint.rpartition(".")[0]

    def holds(self, blueprint: str | None) -> bool:
        """Tell whether the views of a blueprint are the tab's."""
        return blueprint is not None and _WITHIN.get(blueprint, blueprint) == self.part


# Blueprints without a tab of their own.
_WITHIN = {"admin.trials": "admin.contacts"}

TABS: tuple[Tab, ...] = (
    Tab("admin.overview.index", lazy_gettext("Overview"), "speedometer2"),
    Tab("admin.events.index", lazy_gettext("Events"), "list-task"),
    Tab("admin.sources.index", lazy_gettext("Alert sources"), "broadcast-pin"),
    Tab("admin.contacts.index", lazy_gettext("Contacts"), "person-lines-fill"),
    Tab("admin.calls.index", lazy_gettext("Calls"), "telephone-outbound"),
    Tab("admin.trunks.index", lazy_gettext("Trunks"), "diagram-3", Role.ADMIN),
    Tab("admin.quota.index", lazy_gettext("Quota"), "speedometer"),
    Tab("admin.licenses.index", lazy_gettext("Licenses"), "building"),
    Tab("admin.users.index", lazy_gettext("Users"), "people", Role.SUPERADMIN),
    Tab("admin.audit.index", lazy_gettext("Audit log"), "journal-text", Role.ADMIN),
    Tab("admin.guide.index", lazy_gettext("Guide"), "book"),
    Tab("admin.account.profile", lazy_gettext("My account"), "person-circle"),
)


def open_to(may: Callable[[Role], bool]) -> Sequence[Tab]:
    """Return the tabs that somebody sees, who ``may`` do what a role may."""
    return [tab for tab in TABS if may(tab.least_role)]
