"""`python -m holysheep.migrate` is `holysheep migrate`."""

import sys

from . import main

sys.exit(main(sys.argv[1:]))
