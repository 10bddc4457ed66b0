"""Settings of the property tests: a busy machine must not fail one, so time is judged where it is the subject."""

from hypothesis import settings

settings.register_profile("unit", deadline=None)
settings.load_profile("unit")
