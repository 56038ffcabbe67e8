"""How what stands in an alert is said aloud.

``gateway.model.speech_text`` is the way in. A text goes through ``markup`` (what only the eye can use is dropped),
``characters`` (one way to write each thing), ``reading`` (one pass that finds what needs words, and has
``moments``, ``quantities``, ``addresses``, ``plates`` and ``codes`` say it), and ``scripts`` (only what a voice of
the language can say is left). The words of each language are in ``gateway.model.languages``.
"""
