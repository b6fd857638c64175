"""Why there is no connection, in one plain line."""

import os
import socket
import ssl

import aiohttp

from frontend.client.errors import CommandError, InputError, UnreachableError

# What TLS says of bytes that are none of its own.
_NO_TLS = ("WRONG_VERSION_NUMBER", "RECORD_LAYER_FAILURE", "UNEXPECTED_EOF_WHILE_READING", "HTTP_REQUEST")


def failure(url: str, error: BaseException) -> CommandError:
    if isinstance(error, ValueError) and not isinstance(error, ssl.SSLError):  # as URLs are judged
        return InputError(f"there is no such address as {url}")
    return UnreachableError(f"cannot connect to {url}: {_why(url, error)}")


def _why(url: str, error: BaseException) -> str:
    over_tls = url.startswith(("wss:", "https:"))
    if isinstance(error, TimeoutError):
        return "no answer in time"
    if isinstance(error, aiohttp.ClientConnectorError):
        # The event loop's own words repeat the address, which stands in the message already.
        return _why_not_connected(error.os_error, over_tls)
    if isinstance(error, aiohttp.ClientResponseError):
        return "what is there speaks another protocol (TLS, which --tls is for, or Triton's gRPC)"
    if isinstance(error, aiohttp.ServerDisconnectedError | ConnectionError):
        return "the connection was closed" + ("" if over_tls else ": perhaps the server there wants --tls")
    return " ".join(str(error).split()) or type(error).__name__


def _why_not_connected(cause: OSError, over_tls: bool) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"the certificate of the server is not to be trusted ({cause.verify_message})"
    if isinstance(cause, ssl.SSLError):  # whose numbers are its library's own
        if cause.reason in _NO_TLS:
            return "the server there speaks no TLS: leave --tls out"
        return f"TLS failed ({cause.reason or cause})"
    if isinstance(cause, socket.gaierror):
        return "there is no such host" if cause.errno == socket.EAI_NONAME else str(cause.strerror)
    if cause.errno and cause.errno > 0:
        return os.strerror(cause.errno)
    return "the connection was closed" + (": perhaps the server there speaks no TLS" if over_tls else "")
