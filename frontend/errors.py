"""Every error the gateway raises on purpose.

GatewayError
├── ClientError            the client can do something about it
│   ├── ProtocolError      a message that the protocol does not allow here
│   │   └── FramingError   bytes that are no WebSocket frames
│   │       └── NotTextError   a text message, or the reason of a Close, that is not UTF-8
│   ├── AudioError         audio or media that cannot be used
│   │   └── IncompleteError    the beginning of media, perhaps
│   ├── LimitError         more than a setting allows
│   │   └── MessageSizeError   a WebSocket message that is not read
│   ├── NotFoundError
│   │   └── UnknownModelError  a name of a model that stands for none
│   ├── FieldError         a field of a request that cannot be used
│   ├── EmptyBufferError   too little audio to make anything of it
│   ├── UnauthorizedError
│   │   └── WrongKeysError     so many wrong keys that no more are looked at for a while
│   ├── ForbiddenError     a key that is right, but not for this
│   ├── QuotaError         more than a key or an address may have
│   ├── HostError          called by a name that is not the gateway's
│   ├── OriginError        called from a page that may not
│   ├── MediaTypeError     a body of a kind that the endpoint does not take
│   ├── SlowHeadError      the beginning of a request, or of an event, that does not end
│   ├── SlowUploadError    a body that does not go on
│   └── UpgradeRequiredError   a plain request where a WebSocket is served
└── ServiceError           the operator can do something about it
    ├── OverloadedError    refused now, worth another try later
    ├── UnavailableError   the models do not answer
    └── DeadlineError      they answered too late

The message of each is safe to show to the client: it holds no secret, no transcript and nothing of another client.
"""

from typing import ClassVar


class GatewayError(Exception):
    """What went wrong, in words for the client, with the answers HTTP and WebSocket have for it."""

    code: ClassVar[str] = "internal"
    status: ClassVar[int] = 500
    close_code: ClassVar[int] = 1011

    def __str__(self) -> str:
        """Half of a surrogate pair, which a client's JSON may hold and a message may quote, cannot be sent."""
        return super().__str__().encode(errors="replace").decode()


class ClientError(GatewayError):
    code = "bad_request"
    status = 400
    close_code = 1003


class ProtocolError(ClientError):
    code = "protocol"


class FramingError(ProtocolError):
    close_code = 1002


class NotTextError(FramingError):
    close_code = 1007


class AudioError(ClientError):
    code = "audio"


class IncompleteError(AudioError):
    """More of the file may change it."""


class LimitError(ClientError):
    code = "limit"
    status = 413
    close_code = 1009


class MessageSizeError(LimitError):
    def __init__(self, size_bytes: int, limit_bytes: int) -> None:
        super().__init__(f"the message is larger than {limit_bytes} bytes: {size_bytes}")
        self.size_bytes = size_bytes


class NotFoundError(ClientError):
    code = "not_found"
    status = 404


class UnknownModelError(NotFoundError):
    code = "model_not_found"


class FieldError(ClientError):
    code = "field"

    def __init__(self, field: str, message: str) -> None:
        super().__init__(message)
        self.field = field


class EmptyBufferError(ClientError):
    code = "input_audio_buffer_commit_empty"


class UnauthorizedError(ClientError):
    code = "unauthorized"
    status = 401
    close_code = 1008


class WrongKeysError(UnauthorizedError):
    code = "wrong_keys"
    status = 429
    close_code = 1013

    def __init__(self, retry_seconds: float) -> None:
        super().__init__(f"too many wrong keys came from this address: try again in {retry_seconds:.0f} s")
        self.retry_seconds = retry_seconds


class ForbiddenError(ClientError):
    code = "forbidden"
    status = 403
    close_code = 1008


class QuotaError(ClientError):
    """`quota` is the setting that says how much there is."""

    code = "quota"
    status = 429
    close_code = 1013

    def __init__(self, quota: str, message: str, retry_seconds: float) -> None:
        super().__init__(message)
        self.quota = quota
        self.retry_seconds = retry_seconds


class HostError(ClientError):
    code = "host"
    status = 421


class OriginError(ClientError):
    code = "origin"
    status = 403


class MediaTypeError(ClientError):
    code = "media_type"
    status = 415


class SlowHeadError(ClientError):
    code = "slow_head"
    status = 408
    close_code = 1008

    def __init__(self, what: str, seconds: float) -> None:
        super().__init__(f"the head of the {what} did not end within {seconds:g} s (server.head_seconds)")


class SlowUploadError(ClientError):
    code = "slow_upload"
    status = 408


class UpgradeRequiredError(ClientError):
    code = "upgrade_required"
    status = 426


class ServiceError(GatewayError):
    code = "service"
    status = 503


class OverloadedError(ServiceError):
    code = "overloaded"
    close_code = 1013

    def __init__(self, message: str, retry_seconds: int = 1) -> None:
        super().__init__(message)
        self.retry_seconds = retry_seconds


class UnavailableError(ServiceError):
    code = "unavailable"
    close_code = 1013


class DeadlineError(ServiceError):
    code = "deadline"
    status = 504


class SettingsError(GatewayError):
    """A configuration that cannot be used; shown to the operator at start-up, never to a client."""

    code = "settings"
