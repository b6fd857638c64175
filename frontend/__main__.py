"""`python -m frontend [--config FILE]`: run the gateway until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import os
import signal
import sys
from pathlib import Path

from frontend.app import Gateway
from frontend.config import loading as configuration
from frontend.config.settings import Settings
from frontend.errors import SettingsError
from frontend.telemetry import logs


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m frontend", description="The speech gateway in front of Triton.")
    parser.add_argument("--config", type=Path, help="a YAML file like frontend/config/gateway.yaml, the default")
    arguments = parser.parse_args()
    try:
        options = configuration.load(arguments.config, os.environ)
        logs.configure(options.log.level, options.log.json)
        asyncio.run(_serve(options))
    except SettingsError as e:
        sys.stderr.write(f"gateway: {e}\n")
        return 2
    return 0


async def _serve(options: Settings) -> None:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    gateway = Gateway(options)
    await gateway.start()
    await stopping.wait()
    await gateway.stop()


if __name__ == "__main__":
    sys.exit(main())
