"""Draws what a command printed as the picture that the README shows.

``FORCE_COLOR=1 COLUMNS=150 pneumoscreen demo | python docs/picture.py docs/worklist.svg``
"""

import io
import re
import sys
from pathlib import Path

from rich.console import Console
from rich.text import Text

lines = Text.from_ansi(sys.stdin.read())
width = max(line.cell_len for line in lines.split())
console = Console(record=True, width=width, file=io.StringIO())
console.print(lines, soft_wrap=True)
picture = console.export_svg(title="pneumoscreen demo")
# Rich's template loads a font from a server; a picture in a repository must stand alone.
picture = re.sub(r"@font-face\s*{[^}]*}", "", picture)
Path(sys.argv[1]).write_text(picture, encoding="utf-8")
