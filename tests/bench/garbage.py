"""Tells what the service does to the garbage collector: started, asked, and printed as JSON."""

import asyncio
import gc
import json


async def main() -> None:
    from handlers.app import app

    async with app.router.lifespan_context(app):
        found = {
            "is_enabled": gc.isenabled(),
            "threshold": gc.get_threshold(),
            "is_frozen": gc.get_freeze_count() > 0,
        }
    print(json.dumps(found))


if __name__ == "__main__":
    asyncio.run(main())
