"""Django's test runner, writing down how each test ended, a line each: `["passed", "module.Class.test", ""]`."""

import json
import os
import unittest
from pathlib import Path
from typing import Any

from django.test.runner import DiscoverRunner


class Result(unittest.TextTestResult):
    def __init__(self, *args: Any, **options: Any) -> None:
        super().__init__(*args, **options)
        self._lines = Path(os.environ["SUITE_OUTCOMES"]).open("a", encoding="utf-8", buffering=1)  # noqa: SIM115

    def _record(self, outcome: str, test: Any, error: Any = None) -> None:
        text = "" if error is None else self._exc_info_to_string(error, test)  # type: ignore[attr-defined]
        self._lines.write(json.dumps([outcome, test.id(), text]) + "\n")

    def startTest(self, test: Any) -> None:
        super().startTest(test)
        self._record("began", test)

    def stopTestRun(self) -> None:
        super().stopTestRun()
        self._lines.close()

    def addSuccess(self, test: Any) -> None:
        super().addSuccess(test)
        self._record("passed", test)

    def addError(self, test: Any, err: Any) -> None:
        super().addError(test, err)
        self._record("error", test, err)

    def addFailure(self, test: Any, err: Any) -> None:
        super().addFailure(test, err)
        self._record("failed", test, err)

    def addSubTest(self, test: Any, subtest: Any, err: Any) -> None:
        super().addSubTest(test, subtest, err)
        if err is not None:
            self._record("failed", test, err)

    def addSkip(self, test: Any, reason: str) -> None:
        super().addSkip(test, reason)
        self._record("skipped", test)

    def addExpectedFailure(self, test: Any, err: Any) -> None:
        super().addExpectedFailure(test, err)
        self._record("failed as expected", test)

    def addUnexpectedSuccess(self, test: Any) -> None:
        super().addUnexpectedSuccess(test)
        self._record("passed unexpectedly", test)


class Runner(DiscoverRunner):
    def get_resultclass(self) -> type[Result]:
        return Result
