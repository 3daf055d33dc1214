# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""Call stacks as a tree, as indented text, and as a picture in which each box is a function, as
wide as its share and standing on its caller."""

from xml.sax.saxutils import escape, quoteattr

WIDTH, ROW, MARGIN, HEAD = 1400, 17, 10, 20
LETTER = 6.3  # width of a letter in pixels
LEAST = 0.7   # width in pixels of the narrowest box drawn


class Frame:
    def __init__(self, name):
        self.name, self.count, self.callees = name, 0, {}


def fold(stacks):
    """Returns a tree of stacks, each listed from the outermost caller inwards."""
    root = Frame("all")
    for stack in stacks:
        root.count += 1
        frame = root
        for name in stack:
            frame = frame.callees.setdefault(name, Frame(name))
            frame.count += 1
    return root


def by_share(frame):
    return sorted(frame.callees.values(), key=lambda one: -one.count)


def tree_lines(root, least):
    """Lines of text; functions below that share are omitted."""
    def lines(frame, depth):
        yield f"  {100 * frame.count / root.count:5.1f} %  {'  ' * depth}{frame.name}"
        for callee in by_share(frame):
            if callee.count >= least * root.count:
                yield from lines(callee, depth + 1)
    for frame in by_share(root):
        yield from lines(frame, 0)


def height(frame):
    return 1 + max(map(height, frame.callees.values()), default=0)


def colour(name):
    """A colour that depends only on the name."""
    value = sum((at + 1) * ord(letter) for at, letter in enumerate(name))
    return f"rgb({205 + value % 50},{110 + value // 7 % 110},{40 + value // 13 % 50})"


def boxes(frame, root, x, depth, bottom):
    wide = frame.count / root.count * (WIDTH - 2 * MARGIN)
    if wide < LEAST:
        return
    y = bottom - (depth + 1) * ROW
    title = f"{frame.name}: {100 * frame.count / root.count:.2f} %"
    yield (f'<g><title>{escape(title)}</title><rect x="{x:.1f}" y="{y}" width="{wide:.1f}" '
           f'height="{ROW - 1}" fill={quoteattr(colour(frame.name))} rx="1"/>')
    letters = int((wide - 4) / LETTER)
    if letters >= 3:
        name = frame.name if len(frame.name) <= letters else frame.name[:letters - 1] + "…"
        yield f'<text x="{x + 3:.1f}" y="{y + ROW - 5}">{escape(name)}</text>'
    yield "</g>"
    for callee in sorted(frame.callees.values(), key=lambda one: one.name):
        yield from boxes(callee, root, x, depth + 1, bottom)
        x += callee.count / root.count * (WIDTH - 2 * MARGIN)


def draw(root, heading):
    """Returns the text of the SVG; a browser shows a box's share under the mouse pointer."""
    bottom = HEAD + ROW * (len(heading) + height(root)) + MARGIN
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{bottom + MARGIN}" '
             'font-family="monospace" font-size="10.5">'
             '<rect width="100%" height="100%" fill="white"/>']
    parts += [f'<text x="{MARGIN}" y="{HEAD + ROW * at}" font-size="12">{escape(line)}</text>'
              for at, line in enumerate(heading)]
    parts += boxes(root, root, MARGIN, 0, bottom)
    return "\n".join([*parts, "</svg>", ""])
