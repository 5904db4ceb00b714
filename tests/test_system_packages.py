"""A missing package of the operating system skips the tests that need it, except in CI."""

import pytest

from tests.support.system_packages import find_browser


class TestMissingBrowser:
    def test_missing_browser_skips_with_the_package_to_install(
        self, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("PATH", "")
        monkeypatch.delenv("CI", raising=False)
        with pytest.raises(pytest.skip.Exception, match="apt-get install chromium"):
            find_browser()

    def test_missing_browser_in_ci_fails(self, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setenv("PATH", "")
        monkeypatch.setenv("CI", "true")
        with pytest.raises(pytest.fail.Exception, match="apt-get install chromium"):
            find_browser()
