"""Faults in the contract and in the generated code."""

from tests.mutation.fault import CONTRACT, Fault, contract

OPERATIONS = "generated/operations.py"
MODELS = "generated/models.py"

FAULTS = (
    contract("create answers 200", "        '201':", "        '200':"),
    contract(
        "delete answers 200 with nothing",
        "        '204':\n          description: The task is gone.",
        "        '200':\n          description: The task is gone.",
    ),
    contract(
        "a task has one more member",
        "        completed:\n          type: boolean\n          description: Whether it is done.\n        position:",
        "        completed:\n          type: boolean\n          description: Whether it is done.\n"
        "        starred:\n          type: boolean\n        position:",
    ),
    contract(
        "the title may be longer",
        "      maxLength: 255\n      pattern: '^[^\\u0000]*[^",
        "      maxLength: 300\n      pattern: '^[^\\u0000]*[^",
    ),
    contract(
        "the title may be shorter",
        "      maxLength: 255\n      pattern: '^[^\\u0000]*[^",
        "      maxLength: 100\n      pattern: '^[^\\u0000]*[^",
    ),
    contract("the description may be longer", "maxLength: 1000", "maxLength: 2000"),
    contract(
        "the title may be blank", "'^[^\\u0000]*[^\\u0000-\\u0020][^\\u0000]*$'", "'^[^\\u0000]*$'"
    ),
    contract("a user may have control characters", "\\u001F\\u007F-\\u009F]+$", "\\u001F]+$"),
    contract(
        "the limit ends elsewhere",
        "            maximum: 1000\n            default: 1000",
        "            maximum: 500\n            default: 500",
    ),
    contract("the limit has another default", "default: 1000", "default: 100"),
    contract(
        "ids end elsewhere",
        "      maximum: 9007199254740991\n      examples: [7]",
        "      maximum: 4294967296\n      examples: [7]",
    ),
    contract(
        "an operation has another path",
        "/tasks/{task_id}/complete:",
        "/tasks/{task_id}/completion:",
    ),
    contract("an operation has another verb", "    patch:", "    post:"),
    contract(
        "an operation is public",
        "      operationId: get_task\n",
        "      operationId: get_task\n      security: []\n",
    ),
    contract("an operation is private", "      security: []\n", ""),
    contract(
        "an operation has another name", "operationId: delete_task\n", "operationId: remove_task\n"
    ),
    contract(
        "an operation is added",
        "\n  /health:\n",
        "\n  /tasks/count:\n    get:\n      operationId: count_tasks\n      summary: Count.\n      tags: [tasks]\n      responses:\n        '204':\n          description: Counted.\n\n  /health:\n",
    ),
    contract(
        "a header is added",
        "            Location:\n",
        "            ETag:\n              description: x\n              required: true\n              schema: {type: string, minLength: 1, maxLength: 9}\n            Location:\n",
    ),
    contract("the toggle needs a body", "        required: false\n", "        required: true\n"),
    contract(
        "the reorder answers 412 instead of 409",
        "        '409':\n          $ref: '#/components/responses/Conflict'",
        "        '412':\n          $ref: '#/components/responses/Conflict'",
    ),
    contract(
        "a refusal has another code",
        "              const: conflict",
        "              const: outdated",
    ),
    contract(
        "a parameter is gone",
        "        - name: offset\n          in: query\n",
        "        - name: skip\n          in: query\n",
    ),
    contract("duplicates are allowed", "          uniqueItems: true\n", ""),
    contract("an order may be longer", "maxItems: 10000", "maxItems: 20000"),
    contract("times are written in another way", "[0-9]{6}Z$'", "[0-9]{3}Z$'"),
    Fault("contract: nobody generated", CONTRACT, "maxLength: 1000", "maxLength: 999"),
    Fault("generated: a hand edit of a status", OPERATIONS, "status=204", "status=200"),
    Fault("generated: a hand edit of a bound", MODELS, "le=1000", "le=100"),
)
