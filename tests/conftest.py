"""How long may an example take? As long as it needs: machines are shared, and a test tells right
from wrong, not fast from slow."""

from hypothesis import HealthCheck, settings

settings.register_profile("house", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("house")
