"""Speech: engines that speak, and the cache in front of them, behind ``gateway.ports.speech``."""
