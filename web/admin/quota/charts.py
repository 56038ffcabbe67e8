"""The charts, drawn here as SVG: no script, no font and no style sheet from anywhere else."""

import sys
from collections.abc import Sequence
from xml.etree.ElementTree import Element

import pygal
from pygal.style import Style

# Pygal hooks into the import system for maps, which are not used here, by an interface that Python has given up: each
# import of anything afterwards would end in a warning.
sys.meta_path[:] = [finder for finder in sys.meta_path if type(finder).__module__ != "pygal"]

# An SVG carries its own style, which the pages' policy does not allow; it loads and runs nothing.
CONTENT_SECURITY_POLICY = "default-src 'none'; style-src 'unsafe-inline'; frame-ancestors 'none'"

# Marks that are nearer to each other than this cannot be read.
_APART = 1.12
_FONTS = "system-ui, -apple-system, 'Segoe UI', Roboto, 'Noto Sans', sans-serif"
_SHARED = {
    "background": "transparent",
    "plot_background": "transparent",
    "font_family": _FONTS,
    "label_font_size": 14,
    "major_label_font_size": 14,
    "legend_font_size": 14,
    "no_data_font_size": 18,
    "opacity": "1",
    "transition": "0s",
}
STYLES = {
    "light": Style(
        foreground="#495057",
        foreground_strong="#212529",
        foreground_subtle="#ced4da",
        major_guide_stroke_color="#b42318",
        colors=("#1f6feb", "#b42318"),
        **_SHARED,
    ),
    "dark": Style(
        foreground="#adb5bd",
        foreground_strong="#dee2e6",
        foreground_subtle="#495057",
        major_guide_stroke_color="#ff7b6e",
        colors=("#6ea8fe", "#ff7b6e"),
        **_SHARED,
    ),
}


def by_month(
    *, labels: Sequence[str], values: Sequence[float], name: str, cap: float | None, cap_name: str, style: str
) -> bytes:
    """Return a bar for each month, with a line at the ``cap`` where there is one."""
    top = max([*values, cap or 0, 1])
    chart = pygal.Bar(
        style=STYLES[style],
        width=560,
        height=260,
        explicit_size=True,
        margin=8,
        js=(),
        show_legend=False,
        truncate_label=-1,
        range=(0, top),
        min_scale=3,
        value_formatter=lambda value: f"{value:g}",
        rounded_bars=2,
    )
    chart.x_labels = list(labels)
    chart.add(name, list(values))
    if cap:
        above = [{"label": f"{top:g}", "value": top}] if top > _APART * cap else []
        marks = [{"label": "0", "value": 0}, {"label": f"{cap_name}: {cap:g}", "value": cap}, *above]
        chart.y_labels = marks
        # The line of the cap is the one that counts.
        chart.y_labels_major = [cap]
    chart.add_xml_filter(_without_scripts)
    drawn: bytes = chart.render()
    return drawn


def _without_scripts(root: Element) -> Element:
    for parent in list(root.iter()):
        for child in [one for one in parent if isinstance(one.tag, str) and one.tag.endswith("script")]:
            parent.remove(child)
    return root
