"""What scripted clients of a single Triton say to who probes it."""


class OneTriton:
    addresses = ("one:1",)

    def __init__(self) -> None:
        # When each model last answered, in the event loop's time.
        self.answered = dict[str, float]()

    async def provider(self, model: str, timeout_seconds: float, address: str) -> str:
        return "cpu"

    def answered_since(self, model: str, address: str, began_seconds: float) -> bool:
        return self.answered.get(model, -1.0) >= began_seconds

    def answers_as(self, model: str, address: str, identity: str) -> str:
        return identity

    def judge(self, model: str, address: str, error: str | None) -> None:
        """There is nowhere else to go."""
