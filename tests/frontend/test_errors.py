"""What every error is to those who are told of it."""

from frontend.errors import ClientError, FieldError


def test_an_error_that_quotes_what_is_no_text_can_be_sent_all_the_same() -> None:
    for error in (ClientError("unsupported language: \ud800"), FieldError("language", "unsupported: \ud800")):
        assert str(error).encode().endswith(b": ?")
    assert str(ClientError("schön ẞ 🙂")) == "schön ẞ 🙂"
