"""`python -m export.calibrate`: the command of export.calibration, under the name of what it does."""

import sys

from export.calibration.__main__ import main

if __name__ == "__main__":
    sys.exit(main())
