# SPDX-License-Identifier: MIT OR GPL-2.0-only
"""What other programs have on a machine before we come. It must stay as it is, and packets must
pass beside it."""


def move_in(draw, case):
    pass
