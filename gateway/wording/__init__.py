"""What Tocsin says and writes to people, in their language: sentences from message catalogues, numbers and dates.

The sentences stand in English in the code; ``locale/<tag>/LC_MESSAGES/tocsin.po`` holds their translations, in the
format of GNU gettext. ``make messages`` brings the catalogues up to date with the code; docs/development.md tells
how to add a language.
"""
