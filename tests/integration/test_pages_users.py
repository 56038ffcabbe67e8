"""The tabs of users and of the audit log."""

import pytest
from flask import Flask

from gateway.model.user import Role
from gateway.services import users
from tests.unit.web.installation import Installation
from tests.unit.web.pages import PASSWORD, Browser, add_user

pytestmark = pytest.mark.databases("sqlite")


def test_superadmin_sets_up_a_user_who_signs_in_and_sees_their_license_only(
    app: Flask, there: Installation, root: Browser
) -> None:
    root.get("/admin/users/new")
    fields = {"email": "Ana@Example.org", "name": "Ana", "role": "admin", "password": PASSWORD, "enabled": "y"}
    without = root.post("/admin/users/new", **fields)
    assert without.status_code == 400
    assert "needs at least one license" in without.get_data(as_text=True)
    assert root.post("/admin/users/new", **fields, licenses=there.license.id).location == "/admin/users/"
    assert "ana@example.org" in root.get("/admin/users/").get_data(as_text=True)
    ana = Browser(app)
    assert ana.sign_in("ana@example.org") == 302
    assert ana.get("/admin/users/").status_code == 403
    assert ana.get("/admin/audit/").status_code == 200
    assert "user.added" not in ana.get("/admin/audit/").get_data(as_text=True), "that belongs to no license of hers"
    log = root.get("/admin/audit/").get_data(as_text=True)
    assert "user.added" in log
    assert "root@example.org" in log
    assert PASSWORD not in log


def test_change_is_entered_with_before_and_after(there: Installation, root: Browser) -> None:
    ana = add_user(there, "ana@example.org", Role.ADMIN, [there.license.id])
    root.get(f"/admin/users/{ana.id}")
    fields = {"email": ana.email, "name": ana.name, "role": "viewer", "licenses": there.license.id, "enabled": "y"}
    assert root.post(f"/admin/users/{ana.id}", **fields).status_code == 302
    with there.record.read() as work:
        entry = work.audit.list(license_ids=None)[0]
    assert (entry.action, entry.before, entry.after) == ("user.changed", {"role": "admin"}, {"role": "viewer"})
    assert entry.actor.name == "root@example.org"
    assert users.find_user(there.record, ana.email).role is Role.VIEWER


def test_refusals_of_the_service_stand_beside_their_field(there: Installation, root: Browser) -> None:
    me = users.find_user(there.record, "root@example.org")
    root.get(f"/admin/users/{me.id}")
    answer = root.post(f"/admin/users/{me.id}", email=me.email, name="Root", role="viewer", licenses=there.license.id)
    assert answer.status_code == 400
    assert "this is the last superadmin" in answer.get_data(as_text=True)
    twice = root.post("/admin/users/new", email=me.email, role="superadmin", password=PASSWORD, enabled="y")
    assert twice.status_code == 400
    assert "is a user already" in twice.get_data(as_text=True)


def test_user_who_does_not_exist_is_not_found(root: Browser) -> None:
    assert root.get("/admin/users/999").status_code == 404
    assert root.get("/admin/users/x").status_code == 404


def test_audit_log_is_paged(there: Installation, root: Browser) -> None:
    me = users.find_user(there.record, "root@example.org")
    for number in range(60):
        users.change_user(there.record, me.id, users.UserChange(name=f"Name {number}"), at=there.clock.now())
    first = root.get("/admin/audit/").get_data(as_text=True)
    assert "Name 59" in first
    assert "Name 5<" not in first
    with there.record.read() as work:
        fiftieth = work.audit.list(license_ids=None)[49].id
    assert f"/admin/audit/?before={fiftieth}" in first
    assert "Name 5<" in root.get(f"/admin/audit/?before={fiftieth}").get_data(as_text=True)
