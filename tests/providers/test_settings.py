"""The settings of each provider: which are required, which have a default, and their limits."""

from pathlib import Path

import pytest

from pipelines.extract.provider import Setting, find_providers

PROVIDERS = find_providers(Path())
DEFAULTS = {
    "fone_dynamics": {"base_url": "https://api.fonedynamics.com/v2", "page_size": 50},
    "matter": {"locale": "en", "page_size": 100},
    "rillsoft": {"time_zone": "UTC", "permission": None},
    "evovoice": {
        "base_url": "https://evovoice.io",
        "account_ids": (),
        "page_size": 100,
        "time_zone": None,
        "lookback_days": 30,
        "full_every_days": 7,
    },
    "belltastic": {"base_url": "https://belltastic.com/api/v1"},
}
REQUIRED = {
    "fone_dynamics": {"account_sid", "token"},
    "matter": {"base_url", "access_token"},
    "rillsoft": {"base_url", "client_ids", "access_token"},
    "evovoice": {"user_name", "password"},
    "belltastic": {"api_token"},
}
SECRET = {
    "fone_dynamics": "token",
    "matter": "access_token",
    "rillsoft": "access_token",
    "evovoice": "password",
    "belltastic": "api_token",
}
BOUNDS = {
    ("fone_dynamics", "page_size"): (1, None),
    ("matter", "page_size"): (1, 100),
    ("evovoice", "page_size"): (1, None),
    ("evovoice", "lookback_days"): (0, 36_500),
    ("evovoice", "full_every_days"): (0, 36_500),
}


def settings_of(provider: str) -> dict[str, Setting]:
    return {setting.name: setting for setting in PROVIDERS[provider].settings}


@pytest.mark.parametrize("provider", PROVIDERS)
def test_optional_settings_have_a_default(provider: str) -> None:
    settings = settings_of(provider)
    assert {name: one.default for name, one in settings.items() if not one.required} == DEFAULTS[provider]
    assert {name for name, one in settings.items() if one.required} == REQUIRED[provider]


def test_each_provider_has_one_secret_setting() -> None:
    secret = {(name, one.name) for name in PROVIDERS for one in PROVIDERS[name].settings if one.secret}
    assert secret == set(SECRET.items())


def test_numbers_have_bounds() -> None:
    bounds = {
        (name, one.name): (one.minimum, one.maximum)
        for name in PROVIDERS
        for one in PROVIDERS[name].settings
        if one.type == "integer"
    }
    assert bounds == BOUNDS
