"""What all forms of the pages have in common."""

from collections.abc import Iterable

from flask import flash
from flask_wtf import FlaskForm
from wtforms.fields.choices import SelectChoice

from gateway.services.exceptions import InvalidValueError, ServiceError


def refuse(form: FlaskForm, error: ServiceError) -> None:
    """Show what a service refused: beside the field that it names, where the form has that, else above the form."""
    if isinstance(error, InvalidValueError) and (field := form._fields.get(error.name.replace("-", "_"))) is not None:
        # WTForms leaves a tuple where validation found nothing.
        field.errors = [*field.errors, str(error).partition(": ")[2]]
    else:
        flash(str(error), "error")


def choices(pairs: Iterable[tuple[object, object]]) -> list[SelectChoice]:
    """Return a select field's choices from values and what is shown for them."""
    return [SelectChoice(value=value, label=label) for value, label in pairs]
