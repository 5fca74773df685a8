"""The registry that most checks of the command line route on, and queries for it."""

import sys
from pathlib import Path

AGENTS = """\
id,name,description,tags,threshold
weather,Weather Desk,Rain wind sunshine,forecast;sky,0.9
money,Money Desk,Invoices refunds receipts,billing,
garden,Garden Desk,Roses tulips soil,plants;sky,0.1
"""

SELECTED = "rain wind sunshine"

NOBODY = "quantum chess"

COMMAND = Path(sys.executable).with_name("handoff")
