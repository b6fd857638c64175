"""What begins a request's lines in the log and the ids of the calls that it makes to Triton."""

from aiohttp import web

REQUEST_ID = web.RequestKey("request_id", str)
