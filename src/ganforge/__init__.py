"""ganforge: train, judge, use and share generative adversarial networks."""

__version__ = "0.1.0"
