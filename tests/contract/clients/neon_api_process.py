"""neon-api in a process of its own: one line in, a call; one line out, what it gave.

In: `{"method": "project", "arguments": ["…"], "keywords": {…}}`. Out: `{"value": …}`, records as objects, or
`{"error": "NeonAPIError", "message": "…"}`. The first line out names the methods that the client has.

.conformance/venv/bin/python neon_api_process.py BASE_URL, with NEON_API_KEY in the environment
"""

import json
import sys

from neon_api import NeonAPI
from pydantic_core import to_jsonable_python


def main() -> None:
    """Until the end of the input."""
    neon = NeonAPI.from_environ()
    neon.base_url = sys.argv[1]
    tell(sorted(name for name in vars(NeonAPI) if not name.startswith("_") and name != "from_environ"))
    for line in sys.stdin:
        call = json.loads(line)
        try:
            value = getattr(neon, call["method"])(*call["arguments"], **call["keywords"])
        except Exception as error:
            tell({"error": type(error).__name__, "message": str(error)})
        else:
            tell({"value": to_jsonable_python(value)})


def tell(value: object) -> None:
    """One line, at once."""
    print(json.dumps(value), flush=True)


if __name__ == "__main__":
    main()
