"""`/core/get_build_info`: which gateway and which models answer."""

import platform

from aiohttp import web

from frontend import __version__
from frontend.connection.shared import SHARED
from frontend.speech import ModelRef
from frontend.triton.tensors import CONTRACTS


async def get_build_info(request: web.Request) -> web.Response:
    speech = request.app[SHARED].speech
    manifests = {contract.name: speech.manifest(ModelRef(contract.name)) for contract in CONTRACTS}
    return web.json_response(
        {
            "name": "triton-speech-gateway",
            "version": __version__,
            "python": platform.python_version(),
            "models": {name: manifest and manifest.identity for name, manifest in manifests.items()},
        }
    )


ROUTES = (web.get("/core/get_build_info", get_build_info),)
