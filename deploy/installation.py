"""What an installation consists of."""

SERVICES = ("targets", "pipeline", "performance", "knowledge")
