"""Settings of the property tests: a busy machine must not fail one, so time is judged where it is the subject."""

from hypothesis import HealthCheck, settings

settings.register_profile("unit", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("unit")
