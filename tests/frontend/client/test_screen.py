"""What the client writes to the terminal."""

from frontend.client.screen import harmless


def test_what_a_server_says_cannot_steer_the_terminal() -> None:
    assert harmless("a\x1b[2Jb\nc\u202ed é") == "a [2Jb c d é"
