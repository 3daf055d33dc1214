# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Draws a summary as an SVG: one panel per figure, one bar per implementation, from 0 to the
median, with a line from the least to the greatest sample."""

from xml.sax.saxutils import escape

COLUMNS = 3
PANEL = 300  # width in pixels
BAR = 18     # height, including its gap
NAMES = 112  # width of the column of names,
LETTERS = 17 # which are cut to this length
VALUES = 54  # width of the column of numbers
HEAD = 34    # height of a panel's title
GAP = 22
COLOURS = ("#0b6e4f", "#4a6fa5", "#8fa6c8", "#c2a878", "#a5694a")
BOUND = "#b5b5b5"


def text(x, y, words, size=11, anchor="start", weight="normal", fill="#222"):
    return (f'<text x="{x:.1f}" y="{y:.1f}" font-size="{size}" text-anchor="{anchor}" '
            f'font-weight="{weight}" fill="{fill}">{escape(words)}</text>')


def short(name):
    """The end of the name, which says more than the start if it is a path with options."""
    return name if len(name) <= LETTERS else "…" + name[1 - LETTERS:]


def line(x1, y1, x2, y2):
    return f'<line x1="{x1:.1f}" y1="{y1:.1f}" x2="{x2:.1f}" y2="{y2:.1f}" stroke="#222"/>'


def bar(figure, numbers, name, colour, x, y, scale):
    """One implementation's row of a panel, with its upper left corner at x, y."""
    left, middle = x + NAMES, y + BAR / 2
    yield text(left - 6, middle + 4, short(name), anchor="end")
    yield (f'<rect x="{left}" y="{y + 2:.1f}" width="{numbers["median"] * scale:.1f}" '
           f'height="{BAR - 4}" fill="{colour}"/>')
    least, greatest = (left + numbers[end] * scale for end in ("least", "greatest"))
    yield line(least, middle, greatest, middle)
    for end in (least, greatest):
        yield line(end, middle - 3, end, middle + 3)
    yield text(max(greatest, left) + 5, middle + 4, figure.format(numbers["median"]))


def panel(figure, found, colours, x, y):
    way = "more is better" if figure.more_is_better else "less is better"
    yield text(x, y + 12, figure.title, 12, weight="bold")
    yield text(x, y + 26, f"{figure.unit}, {way}", 10, fill="#666")
    most = max(numbers["greatest"] for numbers in found.values())
    scale = (PANEL - NAMES - VALUES) / most if most else 0
    for at, (name, colour) in enumerate(colours.items()):
        if name in found:
            yield from bar(figure, found[name], name, colour, x, y + HEAD + at * BAR, scale)
        else:
            yield text(x + NAMES - 6, y + HEAD + at * BAR + BAR / 2 + 4, short(name), anchor="end",
                       fill="#aaa")


def draw(figures, summary, names, bounds, heading):
    """Returns the text of the SVG. `bounds` are the names that are not WireGuards; `heading` is a
    list of lines."""
    colours = {name: BOUND if name in bounds else COLOURS[at % len(COLOURS)]
               for at, name in enumerate(names)}
    shown = [figure for figure in figures if figure.name in summary]
    top = 20 + 16 * len(heading)
    high = HEAD + BAR * len(names) + GAP
    rows = -(-len(shown) // COLUMNS)
    width, height = COLUMNS * (PANEL + GAP) + GAP, top + rows * high + GAP
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
             f'font-family="sans-serif"><rect width="100%" height="100%" fill="white"/>']
    parts += [text(GAP, 24 + 16 * at, words, 13 if at == 0 else 11,
                   weight="normal" if at else "bold")
              for at, words in enumerate(heading)]
    for at, figure in enumerate(shown):
        parts += panel(figure, summary[figure.name], colours, GAP + at % COLUMNS * (PANEL + GAP),
                       top + at // COLUMNS * high)
    return "\n".join([*parts, "</svg>", ""])
